import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import {
  blobSink,
  type FileTypeName,
  measureModel,
  openModel,
  outputBytes,
  planModel,
  quantizeModel,
  type Rules,
} from "channelwise/models";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes } from "../../web/demo/format.js";
import { bytesOf, ggufFile, tensorType } from "../lib/gguf/gguf-file.js";
import { narrow, tinyModel, weightsOf } from "../lib/gguf/tiny-models.js";
import { tinyFile } from "../lib/image-models/tiny-image-models.js";
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

const tiny = ggufFile(tinyModel({ architecture: "llama", layers: 2, columns: 256, hidden: 512 }));

/** Opens a file as a person does; without the dialog that a test cannot see, it is saved as a download. */
async function open(name: string, contents: Uint8Array, heading = name) {
  const path = join(folder, name);
  writeFileSync(path, contents);
  await page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
  await page.getByLabel("Open a file").setInputFiles(path);
  await shows(() => text(page.locator("#gguf-heading"))).toBe(heading);
}

const card = () => page.locator("section[aria-labelledby=gguf-heading]");
const rows = () =>
  card()
    .locator("tbody tr")
    .evaluateAll((all) => all.map((row) => [...row.children].map(({ textContent }) => (textContent ?? "").trim())));
const hint = () => text(card().locator("p[role=status]").first());
const figures = () => text(page.locator("#gguf-mix-figures"));
const isMeasured = () => shows(hint).toMatch(/^Measured with/);

async function saved(): Promise<{ name: string; contents: Uint8Array }> {
  const began = page.waitForEvent("download");
  await page.getByRole("button", { name: /^Save as / }).click();
  const download = await began;
  return { name: download.suggestedFilename(), contents: new Uint8Array(readFileSync(await download.path())) };
}

/** What the library writes. */
async function written(rules: Rules, contents = tiny, name = "model.gguf"): Promise<Uint8Array> {
  const sink = blobSink();
  await quantizeModel(await load(), planModel(await openModel(contents, { name }), rules), sink);
  return new Uint8Array(await (await sink.blob()).arrayBuffer());
}

describe("a GGUF of floats", () => {
  it("shows size and error of every type, the smallest file first", async () => {
    await open("model.gguf", tiny);
    await isMeasured();
    expect(await text(card())).toContain("importance matrices, use llama-quantize");
    const shown = await rows();
    const model = await openModel(tiny, { name: "model.gguf" });
    const sizes = new Map(
      shown.map(([type]) => [type, outputBytes(planModel(model, { type: type as FileTypeName }))] as const),
    );
    expect(shown).toHaveLength(14);
    expect([...sizes.values()]).toEqual([...sizes.values()].sort((a, b) => a - b));
    for (const [type, size] of shown) expect(size, type).toBe(bytes(sizes.get(type) as number));

    const summaries = await measureModel(await load(), planModel(model, { type: "Q4_K_M" }));
    const quantized = summaries.flatMap((each) => (each.quantize ? [each] : []));
    const worst = quantized.reduce((a, b) => (b.sqnr < a.sqnr ? b : a));
    const [, , , sqnr, ofWorst] = shown.find(([type]) => type === "Q4_K_M") as string[];
    expect(Number.parseFloat(sqnr)).toBeGreaterThan(worst.sqnr);
    expect(ofWorst.replace(/\u00a0/g, " ")).toMatch(new RegExp(`^${worst.sqnr.toFixed(2)} dB `));
    await axeFindsNothing(page, "section[aria-labelledby=gguf-heading]");
  });

  it("is saved as the type that is chosen, byte for byte as the library writes it", async () => {
    await open("model.gguf", tiny);
    await isMeasured();
    expect((await saved()).name).toBe("model-Q4_K_M.gguf");
    await card().getByLabel("Q5_0", { exact: true }).check();
    const { name, contents } = await saved();
    expect(name).toBe("model-Q5_0.gguf");
    expect(Buffer.compare(contents, await written({ type: "Q5_0" }))).toBe(0);
    await page.getByLabel("Search for better codes in as many bytes").check();
    await isMeasured();
    const searched = await saved();
    expect(Buffer.compare(searched.contents, await written({ type: "Q5_0", encoder: "search" }))).toBe(0);
  });

  it("is saved as a mix of types, which the slider chooses", async () => {
    await open("model.gguf", tiny);
    await isMeasured();
    await shows(figures).toMatch(/bits a weight/);
    const usual = await figures();
    const slider = page.locator("#gguf-mix");
    await slider.focus();
    await slider.press("Home");
    await shows(figures).not.toBe(usual);
    await shows(() => text(page.getByRole("button", { name: /^Save as / }))).toBe("Save as a mix");
    expect(await card().locator("input[type=radio]:checked").count()).toBe(0);
    const smallest = await saved();
    expect(smallest.name).toBe("model-mixed.gguf");
    expect(await figures()).toContain(bytes(smallest.contents.length));
    expect(await figures()).toMatch(/× Q2_K/);
  });

  it("is measured by a sample where it is large, and by all weights where that is asked for", async () => {
    const tensor = (name: string, seed: number) => ({
      ...{ name, type: tensorType.F16, shape: [4352, 2048] },
      data: bytesOf(narrow("F16", weightsOf(seed, 4352 * 2048))),
    });
    const keys = [{ name: "general.architecture", type: "string" as const, value: "llama" }];
    const tensors = [tensor("blk.0.attn_q.weight", 1), tensor("blk.0.attn_k.weight", 2)];
    await open("large.gguf", ggufFile({ keys, tensors }));
    await shows(hint).toBe("Measured with a sample of the rows of each tensor.");
    const sampled = await rows();
    await page.getByRole("button", { name: "Measure all weights" }).click();
    await card().getByRole("button", { name: "Cancel" }).click();
    await shows(() => text(card().locator(".told"))).toMatch(/^Cancelled: measuring/);
    await page.getByRole("button", { name: "Measure all weights" }).click();
    await shows(hint).toBe("Measured with all weights.");
    const all = await rows();
    for (const [i, [type, , , sqnr]] of all.entries()) {
      expect(Math.abs(Number.parseFloat(sqnr) - Number.parseFloat(sampled[i][3])), type).toBeLessThan(0.2);
    }
  });
});

describe("an image model", () => {
  it("becomes a GGUF beside its int8 files, and is measured where that is asked for", async () => {
    const flux = tinyFile("flux");
    await open("flux.safetensors", flux, "As a GGUF, for ComfyUI-GGUF");
    await shows(() => text(page.locator("#model-heading"))).toBe("flux.safetensors");
    expect(await page.locator("#save").isVisible()).toBe(true);
    expect(await page.getByText("convert_hf_to_gguf.py").isVisible()).toBe(false);
    expect(await rows()).toHaveLength(14);
    const { name, contents } = await saved();
    expect(name).toBe("flux-Q4_K_M.gguf");
    const expected = await written({ type: "Q4_K_M" }, flux, "flux.safetensors");
    expect(Buffer.compare(contents, expected)).toBe(0);
    await page.getByRole("button", { name: "Measure the errors" }).click();
    await isMeasured();
    expect((await rows()).every(([, , , sqnr]) => Number.parseFloat(sqnr) > 3)).toBe(true);
  });
});

describe("several GGUFs of floats", () => {
  it("are saved together, as the type that is chosen for the open one", async () => {
    const paths = ["one.gguf", "two.gguf"].map((name) => join(folder, name));
    for (const path of paths) writeFileSync(path, tiny);
    await page.getByLabel("Open a file").setInputFiles(paths);
    const states = () => page.locator(".queue tbody tr .queue-state").allInnerTexts();
    await shows(states).toEqual(["ready: Q4_K_M", "ready: Q4_K_M"]);
    await card().getByLabel("Q5_0", { exact: true }).check();
    await shows(states).toEqual(["ready: Q5_0", "ready: Q5_0"]);
    const names: string[] = [];
    page.on("download", (download) => names.push(download.suggestedFilename()));
    await page.getByRole("button", { name: "Save all", exact: true }).click();
    await shows(() => text(page.locator("#queue > .told"))).toBe("2 files are in your downloads.");
    await shows(async () => names).toEqual(["one-Q5_0.gguf", "two-Q5_0.gguf"]);
    // The second one gets a type of its own, which it keeps while the first is open.
    await page.getByRole("button", { name: "Own settings for two.gguf" }).click();
    await shows(() => text(card().locator("h2"))).toBe("two.gguf");
    await shows(() => card().getByLabel("Q5_0", { exact: true }).isChecked()).toBe(true);
    await card().getByLabel("Q8_0", { exact: true }).check();
    await shows(states).toEqual(["saved", "ready: Q8_0"]);
    await page.locator(".queue").getByRole("button", { name: "one.gguf", exact: true }).click();
    await shows(() => text(card().locator("h2"))).toBe("one.gguf");
    await shows(() => card().getByLabel("Q5_0", { exact: true }).isChecked()).toBe(true);
    await shows(states).toEqual(["saved", "ready: Q8_0"]);
  });
});
