import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { ggufFile } from "../lib/gguf/gguf-file.js";
import { tinyModel } from "../lib/gguf/tiny-models.js";
import { uniform } from "../lib/random.js";
import { axeFindsNothing, openForEach, shows, text } from "./page.js";

let page: Page;
let url: string;
let folder: string;

openForEach({}, (opened) => {
  ({ page, url } = opened);
});

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = Array.from({ length: 55 }, (_, i) => `layer.${i}.weight`);
const model = () =>
  fileOf(names.map((name, i) => ({ name, dtype: "F32", shape: [64, 64], data: uniform("float32", 64 * 64, i) })));

async function open(name: string) {
  const path = join(folder, name);
  writeFileSync(path, model());
  await page.getByLabel("Open a file").setInputFiles(path);
  await shows(() => text(page.locator("#model-heading"))).toBe(name);
  await shows(() => text(page.locator("#model-verdict"))).toMatch(/ loss: /);
}

async function openGguf() {
  const path = join(folder, "model.gguf");
  writeFileSync(path, ggufFile(tinyModel({ architecture: "llama", layers: 1, columns: 256, hidden: 512 })));
  await page.getByLabel("Open a file").setInputFiles(path);
  await shows(() => text(page.locator("#gguf-heading"))).toBe("model.gguf");
  await page.getByRole("radio", { name: "Q4_K_M" }).waitFor();
}

const bits = () => page.locator("#bits").inputValue();
const zeroPoints = () => page.getByLabel("Zero points", { exact: true }).filter({ visible: true });
const modelBits = () => page.locator("#model-bits").inputValue();
const choiceOf = (name: string) => page.getByLabel(`What is done with ${name}`, { exact: true });

/** Chooses 5 bits for a model, and to keep one of its weights. */
async function choose() {
  await page.locator("#model-bits").fill("5");
  await page.locator("#model").getByLabel("Find").fill("layer.3.");
  await choiceOf("layer.3.weight").selectOption("keep");
  await shows(() => text(page.locator("#outcome .totals dd").first())).toBe("54");
}

async function hasChoices() {
  await shows(modelBits).toBe("5");
  await page.locator("#model").getByLabel("Find").fill("layer.3.");
  await shows(() => choiceOf("layer.3.weight").inputValue()).toBe("keep");
}

describe("settings", () => {
  it("of a matrix survive a reload, until they are forgotten", async () => {
    await page.getByLabel("Bits", { exact: true }).fill("5");
    await page.getByLabel("tensor", { exact: true }).check();
    await page.getByLabel("float32").check();
    await shows(() => text(page.locator("#verdict"))).toMatch(/^5 bits per tensor: 192 bytes/);
    await page.getByRole("button", { name: "Forget them" }).waitFor();
    await page.reload();
    await shows(() => text(page.locator("#verdict"))).toMatch(/^5 bits per tensor: 192 bytes/);
    await axeFindsNothing(page, "footer");
    await page.getByRole("button", { name: "Forget them" }).click();
    await shows(() => text(page.locator("#verdict"))).toMatch(/^8 bits per channel: 384 bytes/);
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    expect(await page.locator("#forget").count()).toBe(0);
  });

  it("of a model survive a reload: for it all of them, for another those that fit any", async () => {
    await open("model.safetensors");
    await choose();
    await page.reload();
    await open("model.safetensors");
    await hasChoices();
    await open("other.safetensors");
    await shows(modelBits).toBe("5");
    await page.locator("#model").getByLabel("Find").fill("layer.3.");
    await shows(() => choiceOf("layer.3.weight").inputValue()).toBe("");
  });

  it("of a model are not touched by a GGUF, which has a type in their place", async () => {
    await open("model.safetensors");
    await zeroPoints().check();
    await shows(() => page.evaluate(() => localStorage.getItem("channelwise model"))).toContain("zero-points");
    const kept = await page.evaluate(() => localStorage.getItem("channelwise model"));
    await openGguf();
    await page.getByRole("radio", { name: "Q8_0" }).check();
    await page.getByRole("button", { name: "Save as Q8_0" }).waitFor();
    expect(await page.evaluate(() => localStorage.getItem("channelwise model"))).toBe(kept);
    await open("model.safetensors");
    await page.locator("#model-zero-points:checked").waitFor();
  });

  it("that are kept and damaged are passed over", async () => {
    await page.evaluate(() => {
      localStorage.setItem("channelwise matrix", "#bits=99");
      localStorage.setItem("channelwise model", "#model=x&target=plain&setting=99%20channel");
    });
    await page.reload();
    await shows(bits).toBe("8");
    await open("model.safetensors");
    expect(await modelBits()).toBe("8");
  });
});

describe("a link", () => {
  const follow = async (hash: string) => {
    await page.evaluate(() => localStorage.clear());
    await page.goto("about:blank");
    await page.goto(`${url}${hash}`);
  };

  it("restores the settings of a model when it is opened", async () => {
    await open("model.safetensors");
    await choose();
    await zeroPoints().check();
    const model = page.locator("#model");
    await shows(async () => await model.getByLabel("Command line", { exact: true }).textContent()).toContain(
      "--bits 5 --zero-points --override 'layer.3.weight=keep'",
    );
    expect(await model.getByLabel("Code", { exact: true }).textContent()).toContain("bits: 5, zeroPoints: true,");
    await page.getByRole("button", { name: "Copy a link" }).click();
    await page.getByText("Link copied.").waitFor();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    expect(Object.fromEntries(new URLSearchParams(link.hash.slice(1)))).toEqual({
      model: "model.safetensors",
      target: "plain",
      setting: "5 channel zero-points",
      keep: "layer.3.weight",
    });
    await follow(link.hash);
    await page.getByText("This link has settings for model.safetensors. Open that file to use them.").waitFor();
    await open("model.safetensors");
    await hasChoices();
    expect(await zeroPoints().isChecked()).toBe(true);
    await page.locator("#model-bits").fill("8");
    await page.getByLabel("Save as").selectOption("comfyui");
    await page.locator("#model-controls").getByText("takes no zero points").waitFor();
  });

  it("waits for its model while a GGUF is open, which has no such settings", async () => {
    await follow("#model=model.safetensors&target=plain&setting=5+channel+zero-points&keep=layer.3.weight");
    await openGguf();
    await open("model.safetensors");
    await hasChoices();
    expect(await zeroPoints().isChecked()).toBe(true);
  });

  it("for one model is not taken for another, which is said", async () => {
    await follow("#model=model.safetensors&target=plain&setting=5+channel");
    await open("other.safetensors");
    await page
      .getByText("The link has settings for model.safetensors. They are not used for other.safetensors.")
      .waitFor();
    expect(await modelBits()).toBe("8");
  });

  const damaged = [
    ["#model=m&target=nothing&setting=5+channel", "The link's target is “nothing”"],
    ["#model=m&target=plain&setting=17+channel", "The link's setting is “17 channel”"],
    ["#model=m&target=plain&setting=5+channel&1+channel=a", "The link's setting is “1 channel”"],
    ["#model=m&target=plain&setting=5+channel&opset=x", "The link's opset is “x”"],
  ];
  it("that is damaged is named", async () => {
    for (const [hash, message] of damaged) {
      await follow(hash);
      await shows(() => text(page.locator("#input-error")), hash).toContain(message);
    }
  });
});

describe("a report", () => {
  /** Opens the file that a button saves by itself, as who gets it in a mail does. */
  async function opensReport(button: string) {
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: button }).filter({ visible: true }).click(),
    ]);
    const path = join(folder, saved.suggestedFilename());
    await saved.saveAs(path);
    const report = await page.context().newPage();
    const requests: string[] = [];
    report.on("request", (request) => requests.push(request.url()));
    await report.goto(pathToFileURL(path).href);
    expect(requests.filter((address) => !address.startsWith("data:"))).toEqual([pathToFileURL(path).href]);
    expect(readFileSync(path, "utf8")).not.toContain("<script");
    expect(await report.locator("button, input, select, textarea").count()).toBe(0);
    return report;
  }

  it("of a model has the verdict, every tensor, what was chosen, and the command", async () => {
    await open("model.safetensors");
    await choose();
    await shows(() => text(page.locator("#model-verdict strong"))).toMatch(/ lose .* of their energy\.$/); // all is measured
    const [verdict, command] = await Promise.all([
      text(page.locator("#model-verdict strong")),
      text(page.locator("#model").getByLabel("Command line", { exact: true })),
    ]);
    const report = await opensReport("Save a report");
    expect(await report.title()).toBe("model.safetensors, quantized");
    const words = await text(report.locator("main"));
    expect(words).toContain(verdict);
    expect(words).toContain(command);
    const rows = await report
      .locator("table", { hasText: "Every tensor" })
      .locator("tbody tr")
      .evaluateAll((rows) =>
        rows.map((row) => Array.from((row as HTMLTableRowElement).cells, (cell) => cell.innerText)),
      );
    expect(rows.map(([name]) => name)).toEqual(names);
    expect(rows.filter(([, , , , done]) => done === "chosen")).toHaveLength(1);
    await axeFindsNothing(report);
    await report.close();
  });

  it("of a matrix has its pictures, as they stand", async () => {
    const verdict = await text(page.locator("#verdict"));
    const report = await opensReport("Save a report");
    expect(await text(report.locator("main"))).toContain(verdict);
    expect(await report.locator("img[src^='data:image/png']").count()).toBe(6);
    expect(await report.locator("svg").count()).toBeGreaterThan(5);
    expect(
      await report
        .locator("img")
        .evaluateAll((images) => images.every((image) => (image as HTMLImageElement).naturalWidth > 0)),
    ).toBe(true);
    await axeFindsNothing(report);
    await report.close();
  });
});
