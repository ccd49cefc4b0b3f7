import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import { blobSink, compareModels, openModel, planModel, quantizeModel, readFloats } from "channelwise/models";
import { unzipSync } from "fflate";
import type { Download, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
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

const model = (seed: number, ...names: string[]) =>
  fileOf(
    names.map((name, i) => ({
      name,
      dtype: "F32",
      shape: [96, 64],
      data: uniform("float32", 96 * 64, seed + i) as Float32Array,
    })),
  );
const files = {
  "unet.safetensors": model(1, "down.weight", "up.weight"),
  "vae.safetensors": model(7, "encoder.weight"),
  "text.csv": Buffer.from("1,2,3,4\n5,6,7,9\n"),
};
const fileWith = (name: keyof typeof files) => new File([files[name]], name);

/** What the library writes of a model. */
async function quantized(name: keyof typeof files, bits: number): Promise<Uint8Array<ArrayBuffer>> {
  const sink = blobSink();
  await quantizeModel(await load(), planModel(await openModel(fileWith(name)), { bits }), sink);
  return new Uint8Array(await (await sink.blob()).arrayBuffer());
}

/** Opens files together, as a person does who picks them from a folder. */
async function pick(brought: Readonly<Record<string, Uint8Array>>) {
  const paths = Object.entries(brought).map(([name, contents]) => {
    const path = join(folder, name);
    writeFileSync(path, contents);
    return path;
  });
  await page.getByLabel("Open a file").setInputFiles(paths);
}

const queue = () => page.locator("#queue");
/** The rows of the list: name, sizes, loss and state. */
const rows = () =>
  page
    .locator(".queue tbody tr")
    .evaluateAll((all) => all.map((row) => [...row.children].map(({ textContent }) => textContent ?? "")));
const states = async () => (await rows()).map((row) => row[3]);
const told = () => text(queue().locator("> .told"));
const heading = () => text(page.locator("#model-heading"));
const contents = async (download: Download) => new Uint8Array(readFileSync(await download.path()));

describe("several models that are brought together", () => {
  it("are listed with sizes and losses, the first is open, and a name opens another", async () => {
    await pick(files);
    await shows(heading).toBe("unet.safetensors");
    await shows(states).toEqual(["ready", "ready", "ready"]);
    const listed = await rows();
    expect(listed.map(([name]) => name)).toEqual(Object.keys(files));
    const after = (await quantized("unet.safetensors", 8)).length;
    expect(listed[0][1]).toBe(`49.3 KB → ${(after / 1000).toFixed(1)} KB`);
    expect(listed[0][2]).toMatch(/^0\.00\d+\u00a0%$/);
    expect(await page.locator("#passed-over").isVisible()).toBe(false);
    await axeFindsNothing(page, "#outcome");
    // The page makes no GGUF of it, and says who does.
    expect(await page.getByText("convert_hf_to_gguf.py").isVisible()).toBe(true);

    await queue().getByRole("button", { name: "vae.safetensors", exact: true }).click();
    await shows(heading).toBe("vae.safetensors");
    await shows(states).toEqual(["ready", "ready", "ready"]);
  });

  it("are all saved with the settings of the open one, one after the other or in an archive", async () => {
    await pick(files);
    await shows(states).toEqual(["ready", "ready", "ready"]);
    await page.locator("#model-bits").fill("4");
    await shows(async () => (await rows())[1][2]).toMatch(/^0\.[1-9]/);
    await shows(states).toEqual(["ready", "ready", "ready"]);

    const downloads: Download[] = [];
    page.on("download", (download) => downloads.push(download));
    await queue().getByRole("button", { name: "Save all", exact: true }).click();
    await shows(told).toBe("3 files are in your downloads.");
    await shows(async () => downloads.length).toBe(3);
    const names = ["unet-int4.safetensors", "vae-int4.safetensors", "text-int4.safetensors"];
    expect(downloads.map((download) => download.suggestedFilename())).toEqual(names);
    const expected = await Promise.all(
      (Object.keys(files) as (keyof typeof files)[]).map((name) => quantized(name, 4)),
    );
    for (const [i, download] of downloads.entries()) expect(await contents(download)).toEqual(expected[i]);

    const [archive] = await Promise.all([
      page.waitForEvent("download"),
      queue().getByRole("button", { name: "Save all as .zip" }).click(),
    ]);
    await shows(told).toBe("quantized.zip, with 3 files, is in your downloads.");
    const unzipped = unzipSync(await contents(archive));
    expect(Object.keys(unzipped)).toEqual(names);
    for (const [i, name] of names.entries()) expect(unzipped[name]).toEqual(expected[i]);
  });

  it("have settings of their own where they get some, whichever is open", async () => {
    const two = { "unet.safetensors": files["unet.safetensors"], "vae.safetensors": files["vae.safetensors"] };
    await pick(two);
    await shows(states).toEqual(["ready", "ready"]);
    const own = (name: string) => queue().getByRole("button", { name: `Own settings for ${name}` });
    const bits = page.locator("#model-bits");
    await own("vae.safetensors").click();
    await shows(heading).toBe("vae.safetensors");
    expect(await text(queue().locator("> .hint"))).toMatch(/^The settings below are for vae\.safetensors alone/);
    await bits.fill("3");
    await shows(async () => (await rows())[1][4]).toBe("Own settings 3 bits per channel");
    await queue().getByRole("button", { name: "unet.safetensors", exact: true }).click();
    await shows(heading).toBe("unet.safetensors");
    expect(await bits.inputValue()).toBe("8");
    await bits.fill("5");
    await shows(async () => (await rows())[0][2]).toMatch(/^0\.1/);
    await shows(states).toEqual(["ready", "ready"]);
    await axeFindsNothing(page, "#outcome");

    const [archive] = await Promise.all([
      page.waitForEvent("download"),
      queue().getByRole("button", { name: "Save all as .zip" }).click(),
    ]);
    const unzipped = unzipSync(await contents(archive));
    expect(unzipped).toEqual({
      "unet-int5.safetensors": await quantized("unet.safetensors", 5),
      "vae-int3.safetensors": await quantized("vae.safetensors", 3),
    });

    await queue().getByRole("button", { name: "vae.safetensors", exact: true }).click();
    await shows(heading).toBe("vae.safetensors");
    await shows(() => bits.inputValue()).toBe("3");
    await own("vae.safetensors").click();
    await shows(() => bits.inputValue()).toBe("5");
    await shows(async () => (await rows())[1][4]).toBe("Own settings ");
  });

  it("are worked on though one of them cannot be read, and the first of them too", async () => {
    const broken = new TextEncoder().encode("not a model of named tensors");
    await pick({ "a.safetensors": broken, "unet.safetensors": files["unet.safetensors"] });
    await shows(states).toEqual([expect.stringMatching(/^failed: a\.safetensors/), "ready"]);
    expect(await text(page.locator("#input-error"))).toMatch(/^a\.safetensors/);
    await queue().getByRole("button", { name: "Save all", exact: true }).click();
    await shows(told).toBe("1 file is in your downloads. 1 could not be saved.");
    await queue().getByRole("button", { name: "unet.safetensors", exact: true }).click();
    await shows(heading).toBe("unet.safetensors");
  });

  it("are left when something else is opened", async () => {
    await pick(files);
    await shows(heading).toBe("unet.safetensors");
    await pick({ "vae.safetensors": files["vae.safetensors"] });
    await shows(heading).toBe("vae.safetensors");
    expect(await queue().count()).toBe(0);
  });
});

/** The rows of a comparison, as the library compares. */
async function compared(bits: number) {
  const other = await openModel(new File([await quantized("unet.safetensors", bits)], "unet-int4.safetensors"));
  const { tensors } = await compareModels(await load(), await openModel(fileWith("unet.safetensors")), other);
  return tensors
    .flatMap((each) => (each.result === "near" ? [[each.tensor, each.sqnr] as const] : []))
    .sort((a, b) => a[1] - b[1])
    .map(([name, sqnr]) => [name, `${sqnr.toFixed(2)} dB`]);
}
const comparison = () =>
  page
    .locator(".comparison-of-models tbody tr")
    .evaluateAll((all) => all.map((row) => [row.children[0].textContent, row.children[1].textContent]));

describe("a model that is quantized already", () => {
  it("is compared with its original when both are brought, the worst tensor first", async () => {
    const int4 = await quantized("unet.safetensors", 4);
    await pick({ "unet-int4.safetensors": int4, "unet.safetensors": files["unet.safetensors"] });
    await shows(states).toEqual(["quantized already", "ready"]);
    await queue().getByRole("button", { name: "Compare the two" }).click();
    await shows(comparison).toEqual(await compared(4));
    expect(await text(page.locator(".comparison-of-models caption"))).toBe(
      "unet-int4.safetensors compared with unet.safetensors, the worst tensor first",
    );
  });

  it("is opened alone: how it is stored, its floats to save, and its original to compare", async () => {
    await pick({ "unet-int4.safetensors": await quantized("unet.safetensors", 4) });
    await shows(() => text(page.locator("#quantized-heading"))).toBe("unet-int4.safetensors");
    const card = page.locator("section[aria-labelledby=quantized-heading]");
    const first = card.locator("tbody tr").first();
    expect(await first.locator("th, td").allInnerTexts()).toEqual([
      "down.weight",
      "96 × 64",
      "8 bits per channel, axis 0",
      "6,528 bytes",
    ]);
    expect([await page.locator("#save").isVisible(), await page.locator("#model-controls").isVisible()]).toEqual([
      false,
      false,
    ]);
    await axeFindsNothing(page, "#outcome");

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      card.getByRole("button", { name: "Save as floats" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("unet-int4-float.safetensors");
    const floats = await openModel(new File([await contents(download)], "floats.safetensors"));
    expect(floats.tensors.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["down.weight", "float32"],
      ["up.weight", "float32"],
    ]);
    const original = uniform("float32", 96 * 64, 1) as Float32Array;
    const restored = await readFloats(floats.tensors[0], 0, 96 * 64);
    const most = original.reduce((largest, weight, i) => Math.max(largest, Math.abs(weight - restored[i])), 0);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(1 / 14 + 1e-6); // half a step of 4 bits

    writeFileSync(join(folder, "unet.safetensors"), files["unet.safetensors"]);
    await page.getByLabel("Compare with the original").setInputFiles(join(folder, "unet.safetensors"));
    await shows(comparison).toEqual(await compared(4));
  });

  it("has parts that are odd or not there, which is said", async () => {
    const float = { name: "w", dtype: "F32", shape: [32, 64], data: uniform("float32", 32 * 64, 3) as Float32Array };
    await pick({
      "m-00001-of-00003.safetensors": await quantized("unet.safetensors", 8),
      "m-00003-of-00003.safetensors": fileOf([float]),
    });
    await shows(() => text(page.locator("#quantized-heading"))).toBe("m-00001-of-00003.safetensors");
    const warning = page.locator("section[aria-labelledby=quantized-heading] > .warning");
    expect(await text(warning)).toMatch(
      /^Part 2 of 3 is not here, .*; m-00003-of-00003\.safetensors has no quantized tensors, although w is such as /,
    );
    await pick({ "unet-int8.safetensors": await quantized("unet.safetensors", 8) });
    await shows(() => text(page.locator("#quantized-heading"))).toBe("unet-int8.safetensors");
    expect(await warning.isVisible()).toBe(false);
  });
});
