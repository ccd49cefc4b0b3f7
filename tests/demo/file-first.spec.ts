import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import { measureModel, openModel, planModel, type Rules } from "channelwise/models";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileOf, type TensorToWrite } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node as onnxNode, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { axeFindsNothing, openForEach, shows, text } from "./page.js";

let page: Page;
let folder: string;

openForEach(
  {},
  (opened) => {
    ({ page } = opened);
  },
  { kept: true, isSeen: false },
);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(name: string, contents: Uint8Array) {
  const path = join(folder, name);
  writeFileSync(path, contents);
  await page.getByLabel("Open a file").setInputFiles(path);
  await shows(() => text(page.locator("#model-heading"))).toBe(name);
}

const layer = (name: string, seed: number, outlier = 1): TensorToWrite => {
  const data = uniform("float32", 96 * 64, seed) as Float32Array;
  for (let i = 0; i < data.length; i += 64) data[i] *= outlier;
  return { name: `${name}.weight`, dtype: "F32", shape: [96, 64], data };
};
const tensors = [layer("up", 1), layer("down", 2), layer("outlier", 3, 40)];
const model = () => fileOf(tensors);

const graph = {
  node: [onnxNode("Conv", ["x", "w"], ["h"]), onnxNode("Relu", ["h"], ["y"])],
  initializer: [tensor("w", [24, 8, 3, 3], uniform("float32", 24 * 72, 8))],
  input: [float("x", [1, 8, 16, 16])],
  output: [float("y")],
};
const onnx = () => modelBytes({ opset: 17, graph });

const verdict = () => text(page.locator("#model-verdict"));
const advice = () => text(page.locator("#model-advice"));
const saveButton = () => page.locator("#save .button");
const keepButton = () => page.getByRole("button", { name: /^Keep it float/ });

/** What the choices cost, by the library. */
async function measured(rules: Rules) {
  const all = await measureModel(
    await load(),
    planModel(await openModel(new File([model()], "model.safetensors")), rules),
  );
  const quantized = all.flatMap((one) => (one.quantize ? [one] : []));
  const noise = quantized.reduce((sum, { mse }) => sum + mse, 0);
  const worst = quantized.reduce((a, b) => (b.sqnr < a.sqnr ? b : a));
  return { noise, worst };
}

/** All layers are of one size. */
const signal =
  tensors.reduce((sum, { data }) => sum + (data as Float32Array).reduce((s, v) => s + v * v, 0), 0) / (96 * 64);
const percent = (share: number) => `${Number((100 * share).toPrecision(2))}\u00a0%`;

describe("after a model is opened", () => {
  it.each([
    ["a desktop", 1440, 900],
    ["a phone", 390, 844],
  ])(
    "the first screen of %s shows what it is, what it becomes, both sizes, the verdict, and Save",
    async (_, width, height) => {
      await page.setViewportSize({ width, height });
      await open("a-model-with-a-name-of-its-own.safetensors", model());
      await shows(verdict).toMatch(/loss: the weights lose/);
      const places = await page.evaluate(() => {
        const rectangle = (selector: string) => {
          const { top, bottom, left, right } = (document.querySelector(selector) as Element).getBoundingClientRect();
          return { top, bottom, left, right };
        };
        return ["#model-heading", ".becomes-file", "#model-verdict", "#save"].map(rectangle);
      });
      const bar = places[3];
      expect(places.filter(({ top, left, right }) => top < 0 || left < 0 || right > width)).toEqual([]);
      expect(places.slice(0, 3).filter(({ bottom }) => bottom > bar.top)).toEqual([]);
      expect(bar.bottom).toBe(height);
      expect(await text(page.locator(".becomes-file"))).toMatch(
        /^74\.0 KB → 20\.\d KB becomes a-model-with-a-name-of-its-own-int8\.safetensors, 3\.\d times smaller$/,
      );

      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      const { y = 0, height: high = 0 } = (await saveButton().boundingBox()) ?? {};
      expect([y >= 0, y + high <= height]).toEqual([true, true]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    },
  );

  it("Save is at most 8 tab stops behind the file input, and a skip link away", async () => {
    await open("net.onnx", onnx());
    await shows(verdict).toMatch(/loss/);
    await page.getByLabel("Open a file").focus();
    const isSave = () => saveButton().evaluate((button) => button === document.activeElement);
    let stops = 0;
    while (!(await isSave()) && stops < 20) {
      await page.keyboard.press("Tab");
      stops++;
    }
    expect(stops).toBeLessThanOrEqual(8);

    for (const [link, target] of [
      ["Skip to the settings", "Quantization"],
      ["Skip to the result", "net.onnx"],
    ]) {
      await page.getByRole("link", { name: link }).focus();
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(target);
    }
    await page.getByRole("link", { name: "Skip to Save" }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await isSave()).toBe(true);
    expect(new URL(page.url()).hash).toBe("");
  });

  it("no control is behind the bar while it has the focus", async () => {
    await page.setViewportSize({ width: 390, height: 700 });
    await open("model.safetensors", model());
    await shows(verdict).toMatch(/loss/);
    await page.locator("h1").click();
    const seen = new Set<string>();
    for (let i = 0; i < 90; i++) {
      await page.keyboard.press("Tab");
      const { name, covered } = await page.evaluate(() => {
        const active = document.activeElement as HTMLElement;
        const bar = document.getElementById("save") as HTMLElement;
        const [own, its] = [active.getBoundingClientRect(), bar.getBoundingClientRect()];
        // What is higher than the room above the bar cannot be seen whole.
        const covered = !bar.contains(active) && own.bottom > its.top && own.height < its.top;
        return {
          name: `${active.tagName} ${active.id || active.getAttribute("aria-label") || active.textContent}`,
          covered,
        };
      });
      expect(covered, name).toBe(false);
      seen.add(name);
    }
    expect(seen.size).toBeGreaterThan(25);
  });

  it("the settings stand above their details on a phone, and right below the file on a desktop", async () => {
    await open("model.safetensors", model());
    const box = async (selector: string) =>
      (await page.locator(selector).boundingBox()) as { y: number; height: number };
    const top = async (selector: string) => (await box(selector)).y;
    await page.setViewportSize({ width: 390, height: 844 });
    await shows(async () => (await top("#outcome")) < (await top("#model-controls"))).toBe(true);
    expect(await top("#model-controls")).toBeLessThan(await top("#model"));
    await page.setViewportSize({ width: 1440, height: 900 });
    const gap = async () => {
      const { y, height } = await box("#bring");
      return (await top("#model-controls")) - (y + height);
    };
    await shows(gap).toBeCloseTo(16, 0);
    expect(await top("#outcome")).toBe(await top("#bring"));
  });
});

describe("the verdict", () => {
  it("is the share of the energy that is lost, with what is known of such a loss", async () => {
    await open("model.safetensors", model());
    const { noise, worst } = await measured({});
    await shows(verdict).toBe(
      `A small loss: the weights lose ${percent(noise / signal)} of their energy. ` +
        "One other model read text as well at 0.08\u00a0%. Only the outputs tell whether yours does.",
    );
    expect(await text(page.locator("#save .becomes"))).toMatch(
      new RegExp(`${percent(noise / signal)} of the energy lost$`),
    );
    expect(await advice()).toBe(
      `${worst.tensor} suffers most: it loses ${percent(10 ** (-worst.sqnr / 10))} of its energy (${worst.sqnr.toFixed(2)} dB).`,
    );

    await page.locator("#model-bits").fill("16");
    await shows(verdict).toMatch(/Three other models gave nearly the same answers at 0\.014\s%/);
    await page.locator("#model-bits").fill("7");
    await shows(verdict).toMatch(/^A noticeable loss: .* Compare outputs before you rely on it\.$/);
    await page.locator("#model-bits").fill("3");
    await shows(verdict).toMatch(/^A large loss: .* Choose more bits or smaller groups\.$/);
  });

  it("names what to keep float, with what it brings and costs, and does it", async () => {
    await open("model.safetensors", model());
    await page.locator("#model-bits").fill("4");
    const before = await measured({ bits: 4 });
    const after = await measured({ bits: 4, exclude: [before.worst.tensor] });
    const gain = (10 * Math.log10(before.noise / after.noise)).toFixed(1);
    const gainOfWorst = (after.worst.sqnr - before.worst.sqnr).toFixed(1);
    await shows(() => text(keepButton())).toMatch(
      new RegExp(`^Keep it float: \\+${gainOfWorst} dB in the worst weight, \\+${gain} dB in all, for 18\\.\\d KB$`),
    );
    await keepButton().click();
    await shows(() => page.getByLabel(`What is done with ${before.worst.tensor}`).inputValue()).toBe("keep");
    await shows(advice).toContain(`${after.worst.tensor} suffers most`);
  });

  it("explains what a good loss is with figures of real models", async () => {
    await open("model.safetensors", model());
    await page.getByText("What is a good loss?").click();
    const table = page.getByRole("region", { name: "Losses and answers" }).locator("tr");
    expect(await table.count()).toBe(11);
    expect(await table.nth(4).locator("th, td").allInnerTexts()).toEqual([
      "recognition",
      "0.014\u00a0%",
      "38.46 dB",
      "97.5 %",
      "8 bits per channel",
    ]);
    await axeFindsNothing(page, "#outcome");
  });

  it("offers first to compare the outputs of an ONNX model, and tells what came of it", async () => {
    await open("net.onnx", onnx());
    await shows(verdict).toMatch(/loss/);
    await page.getByRole("button", { name: "Compare the outputs" }).click();
    await shows(() => text(page.locator("#outputs-in-short"))).toMatch(
      /^On the input below, the output \(1 × 24 × 14 × 14\) differs by 0\.00\d+ % of its energy\.$/,
    );
    await page.locator("#model-bits").fill("4");
    await shows(() => text(page.locator("#outputs-in-short"))).toBe("");
    expect(await page.locator("#model h2").first().innerText()).toBe("Float and quantized side by side");
  });

  it("says so where a change makes no difference", async () => {
    await open("model.safetensors", model());
    await shows(verdict).toMatch(/loss/);
    await page.locator("#model-axis").selectOption("0");
    await shows(verdict).toMatch(/The last change made no difference\.$/);
    await page.locator("#model-bits").fill("7");
    await shows(verdict).not.toContain("no difference");
  });
});
