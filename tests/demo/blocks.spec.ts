import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import { blobSink, inspectModel, openModel, planModel, quantizeModel, readFloats } from "channelwise/models";
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ggufFile } from "../lib/gguf/gguf-file.js";
import { tinyModel } from "../lib/gguf/tiny-models.js";
import { axeFindsNothing, openForEach, shows, text } from "./page.js";

let page: Page;
let folder: string;
let file: Uint8Array<ArrayBuffer>;

openForEach(
  {},
  (opened) => {
    ({ page } = opened);
  },
  { kept: true, isSeen: false },
);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
  const model = await openModel(ggufFile(tinyModel({ architecture: "llama", layers: 1, columns: 256, hidden: 256 })), {
    name: "model.gguf",
  });
  const sink = blobSink();
  await quantizeModel(await load(), planModel(model, { type: "Q4_K_M" }), sink);
  file = new Uint8Array(await (await sink.blob()).arrayBuffer());
  writeFileSync(join(folder, "model-Q4_K_M.gguf"), file);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const view = () => page.locator(".block-view");
const cells = () => view().locator(".block-bytes li").allInnerTexts();
const lastStep = () => text(view().locator("> ol:not(.block-bytes) li").last());

it("shows a block of a tensor as bytes, and follows a weight to its value", async () => {
  await page.getByLabel("Open a file").setInputFiles(join(folder, "model-Q4_K_M.gguf"));
  await page.getByRole("button", { name: "blk.0.attn_q.weight", exact: true }).click();
  await shows(() => text(view().locator("h3"))).toBe("blk.0.attn_q.weight: a block of Q4_K, 256 weights in 144 bytes");

  const model = await openModel(file, { name: "model.gguf" });
  const { blocks = [] } = await inspectModel(model);
  const tensor = blocks.find(({ name }) => name === "blk.0.attn_q.weight") as (typeof blocks)[number];
  const hex = async (block: number) =>
    Array.from(await tensor.read(144 * block, 144), (byte) => byte.toString(16).padStart(2, "0"));
  expect(await cells()).toEqual(await hex(0));

  await view().getByLabel("Block", { exact: true }).fill("7");
  await view().getByLabel("Block", { exact: true }).press("Enter");
  await shows(cells).toEqual(await hex(6));
  await view().getByLabel("Weight of the block").fill("200");
  const [weight] = await readFloats(tensor.floats, 6 * 256 + 199, 1);
  const last = await lastStep();
  const told = Number(last.split("= ").at(-1)?.replace("−", "-"));
  expect(Math.abs(told - weight)).toBeLessThan(1e-5 * Math.abs(weight));
  // d, dmin, the scale and the minimum of sub-block 6, and a code.
  expect(await view().locator(".block-bytes [data-marked]").count()).toBeGreaterThan(5);
  expect(await view().locator("tbody tr").count()).toBe(8);
  await axeFindsNothing(page, ".block-view");

  await page.getByRole("button", { name: "output.weight", exact: true }).click();
  await shows(() => text(view().locator("h3"))).toMatch(/^output\.weight: a block of Q6_K/);
});
