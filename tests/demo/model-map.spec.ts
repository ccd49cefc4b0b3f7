import type { Page } from "playwright";
import { expect, it } from "vitest";
import { fitting, sharedStart } from "../../web/demo/models/fitting.js";
import { fileOf } from "../lib/files/safetensors-file.js";
import { uniform } from "../lib/random.js";
import { axeFindsNothing, cells, openForEach, shows, text } from "./page.js";

let page: Page;

openForEach(
  {},
  (opened) => {
    ({ page } = opened);
  },
  { kept: true, isSeen: false },
);

/** A model of 300 tensors: two large ones, of which one is an embedding that is kept, and many small ones. */
async function openModel() {
  const tensor = (name: string, rows: number) => ({
    ...{ name, dtype: "F32", shape: [rows, 16] },
    data: uniform("float32", 16 * rows, rows),
  });
  const small = Array.from({ length: 298 }, (_, i) => tensor(`layer.${i}.weight`, 8));
  const bytes = fileOf([tensor("big.weight", 800), tensor("embed_tokens.weight", 400), ...small]);
  const files = [{ name: "model.safetensors", mimeType: "", buffer: Buffer.from(bytes) }];
  await page.getByLabel("Open a file").setInputFiles(files);
  await page.locator("#map-heading").scrollIntoViewIfNeeded();
}

const tiles = () => page.locator(".model-map [role=button]");
const labels = () => tiles().evaluateAll((all) => all.map((tile) => tile.getAttribute("aria-label") ?? ""));

it("shows a tile for each tensor, as large as its bytes and with what it loses", async () => {
  await openModel();
  await shows(async () => (await labels())[0]).toMatch(/^big\.weight: 51\.2 KB, \d\d\.\d\d dB, 0\.\d+\s% lost$/);
  const all = await labels();
  expect(all).toHaveLength(250);
  expect(all.at(-1)).toMatch(/^51 tensors: 26\.1 KB, too small for tiles of their own$/);
  const areas = await tiles().evaluateAll((elements) =>
    elements.map((element) => {
      const { width, height } = element.querySelector("rect")?.getBBox() ?? { width: 0, height: 0 };
      return (width + 1) * (height + 1);
    }),
  );
  expect(areas[0] / areas[1]).toBeCloseTo(2, 0);
  await axeFindsNothing(page, ".model-map");
});

it("has the same as a table, with every tensor", async () => {
  await openModel();
  const figure = page.locator("figure", { has: page.locator(".model-map") });
  await figure.locator("summary").click();
  const rows = await cells(figure.locator("table"));
  expect(rows).toHaveLength(301);
  expect(rows[1][0]).toBe("big.weight");
});

it("leads to a tensor, also with the keyboard", async () => {
  await openModel();
  await shows(async () => (await labels()).length).toBe(250);
  await tiles().first().focus();
  await page.keyboard.press("ArrowLeft");
  await shows(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toMatch(/^51 tensors/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await shows(() => text(page.locator("#of-model"))).toContain("big.weight");
});

it("names that do not fit lose what all begin with, and their middle", () => {
  expect(sharedStart(["layers.10.up.weight", "layers.1.up.weight"])).toBe("layers.");
  expect(sharedStart(["up", "down"])).toBe("");
  expect(sharedStart(["layers.0.up"])).toBe("");
  expect(fitting("10.self_attn.q_proj", 19)).toBe("10.self_attn.q_proj");
  expect(fitting("10.self_attn.q_proj", 10)).toBe("10.s…_proj");
});
