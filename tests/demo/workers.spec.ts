import type { Browser, Page, Worker } from "playwright";
import { describe, expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { uniform } from "../lib/random.js";
import { newPage } from "../packaging/browser.js";
import { openForEach, shows, text } from "./page.js";

let page: Page;
let browser: Browser;
let url: string;

openForEach({}, async (opened) => {
  ({ page, browser, url } = opened);
  // By then its worker exists.
  await shows(verdict).toMatch(/^8 bits/);
});

const verdict = (of = page) => text(of.locator("#verdict"));
const problem = (of = page) => text(of.locator("#input-error"));
const setBits = (bits: number, of = page) => of.getByLabel("Bits", { exact: true }).fill(String(bits));

/** Makes a worker fail outside of any request. */
const breakDown = (worker: Worker) =>
  worker.evaluate(() => {
    setTimeout(() => {
      throw new Error("out of order");
    });
  });

it("nothing that a worker without the weights answers is taken for an answer that came too late", async () => {
  const [worker] = page.workers();
  // WebKit does this with the entry of a worker that another of its modules imports.
  await worker.evaluate("import(location.href + '?again')"); // as text, which Vitest does not transform
  for (const bits of [7, 6, 5]) {
    await setBits(bits);
    const isTold = async () => (await problem()).includes("does not have these weights: open them again");
    await shows(async () => (await isTold()) || (await verdict()).startsWith(`${bits} bits`)).toBe(true);
  }
  await shows(problem).not.toBe("");
});

describe("a worker that breaks down is told, and the page goes on with another:", () => {
  it("where its script does not load", async () => {
    const opened = await newPage(browser, { serviceWorkers: "block" });
    await opened.route("**/assets/worker-*.js", (route) => route.abort());
    await opened.goto(url);
    await shows(() => problem(opened)).toBe(
      "The worker of this page broke down: its script did not load; reload the page.",
    );
    expect(await opened.locator("#busy").isVisible()).toBe(false);
    await opened.unrouteAll();
    await setBits(5, opened);
    await shows(() => verdict(opened)).toMatch(/^5 bits per channel: 384 bytes/);
    expect(await problem(opened)).toBe("");
    await opened.close();
  });

  it("where it fails at something", async () => {
    await breakDown(page.workers()[0]);
    await shows(problem).toMatch(/^The worker of this page broke down: .*out of order/);
    expect(await page.locator("#results").evaluate((results: HTMLElement) => results.inert)).toBe(true);
    await setBits(5);
    await shows(verdict).toMatch(/^5 bits/);
    expect([await problem(), await page.locator("#results").evaluate((results: HTMLElement) => results.inert)]).toEqual(
      ["", false],
    );
  });

  it("where it holds a model", async () => {
    const tensors = [{ name: "w", dtype: "F32", shape: [96, 64], data: uniform("float32", 96 * 64, 2) }] as const;
    const open = () =>
      page.getByLabel("Open a file").setInputFiles({
        name: "model.safetensors",
        mimeType: "",
        buffer: Buffer.from(fileOf(tensors.map(({ shape, ...tensor }) => ({ ...tensor, shape: [...shape] })))),
      });
    const done = () => text(page.locator(".tensors .what option").first());
    await open();
    await shows(done).toBe("8 bits per channel, axis 0");
    await breakDown(page.workers()[1]);
    await page.locator("#model-bits").fill("5");
    await shows(() => text(page.locator("#model-controls .problem"))).toMatch(
      /^The worker of this page broke down: .*out of order/,
    );
    await open();
    await shows(done).toBe("5 bits per channel, axis 0");
    expect(await page.locator("#model-controls .problem").isVisible()).toBe(false);
  });
});
