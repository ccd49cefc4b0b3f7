import { readFileSync } from "node:fs";
import { load } from "channelwise/embeddings";
import { writeNpy } from "channelwise/npy";
import type { Page } from "playwright";
import { expect, it } from "vitest";
import { normalVectors } from "../lib/embeddings/vectors.js";
import { axeFindsNothing, openForEach, shows, text } from "./page.js";

const [count, dimensions] = [300, 48];
const vectors = normalVectors(count, dimensions, 1);

let page: Page;
openForEach({}, (opened) => {
  ({ page } = opened);
});

const section = () => page.getByRole("region", { name: "As embeddings" });

/** Opens rows, and goes to where they can be taken as embeddings. */
async function open(rows: Float32Array, shape: number[]) {
  const buffer = Buffer.from(writeNpy(rows, shape));
  await page.getByLabel("Open a file").setInputFiles([{ name: "texts.npy", mimeType: "", buffer }]);
  await shows(() => text(page.locator("#understood"))).toContain(`${shape[0]} × ${shape[1]}`);
  // Until then the section is still that of the rows before.
  await page.locator("#results[aria-busy=false]").waitFor();
}

async function measure(queries = 30) {
  await section().scrollIntoViewIfNeeded();
  await section().getByRole("button", { name: "Measure recall" }).click();
  await section().getByRole("status").getByText(`${queries} rows were taken out as queries`).waitFor();
}

async function saved(button: string) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    section().getByRole("button", { name: button }).click(),
  ]);
  return { name: download.suggestedFilename(), contents: readFileSync(await download.path()) };
}

it("shows what every precision finds, and gives an index of the one that is chosen", async () => {
  await open(vectors, [count, dimensions]);
  await measure();
  const points = section().getByRole("button", { name: /a vector$/ });
  expect(await points.count()).toBe(12);
  await section().getByText("As a table").click();
  const rows = await section().locator("tbody tr").allInnerTexts();
  expect(rows[0]).toMatch(/^int8\s+56\s+(1\.000|0\.9\d\d)$/);
  expect(rows.map((row) => row.split("\t")[0].trim())).toContain("int8, ranges, sentence-transformers");
  await axeFindsNothing(page, "#as-embeddings");

  await points.and(page.getByLabel(/^int4, group: /)).press("Enter");
  await section()
    .getByText(/^int4, group: 56 bytes a vector instead of 192 bytes; of the 10 closest rows it finds/)
    .waitFor();
  expect(await section().getByRole("button", { name: "Save ranges" }).isVisible()).toBe(false);
  const { name, contents } = await saved("Save index");
  expect(name).toBe("texts.index");
  const embeddings = await load();
  const index = embeddings.loadIndex(contents);
  expect(index).toMatchObject({ size: count, dimensions, metric: "cosine" });
  const coded = embeddings.encode(vectors, "group", { dimensions, precision: "int4" });
  expect(index.vector(299)).toEqual(embeddings.decode(coded).slice(-dimensions));

  await section().getByRole("button", { name: "Copy", exact: true }).click();
  await section().getByText("Code copied.").waitFor();
  const code = await page.evaluate(() => navigator.clipboard.readText());
  expect(code).toContain('createIndex({ dimensions: 48, scaling: "group", precision: "int4", metric: "cosine" })');
});

it("shows a sample of word vectors", async () => {
  const samples = page.getByLabel("Sample");
  const options = await samples.locator("option").allInnerTexts();
  await samples.selectOption({ label: options.find((option) => option.startsWith("GloVe")) as string });
  await shows(() => text(page.locator("#understood"))).toContain("4000 × 100");
  await page.locator("#results[aria-busy=false]").waitFor();
  await measure(200);
  await section().getByText("As a table").click();
  const [int8] = await section().locator("tbody tr").allInnerTexts();
  expect(int8).toMatch(/^int8\s+120\s+0\.9\d\d$/);
});

it("saves the ranges too", async () => {
  await open(vectors, [count, dimensions]);
  await measure();
  await section()
    .getByRole("button", { name: /^int8, ranges: / })
    .press("Enter");
  const { name, contents } = await saved("Save ranges");
  expect(name).toBe("texts-ranges.json");
  expect(JSON.parse(contents.toString())).toEqual((await load()).fitRanges(vectors, { dimensions }));
});

it("can be cancelled, and says what is wrong with rows", async () => {
  // So many that measuring them takes much longer than a click.
  const large = new Float32Array(200 * vectors.length);
  for (let at = 0; at < large.length; at += vectors.length) large.set(vectors, at);
  await open(large, [200 * count, dimensions]);
  await section().scrollIntoViewIfNeeded();
  await section().getByRole("button", { name: "Measure recall" }).click();
  await section().getByRole("button", { name: "Cancel" }).click();
  await section().getByText("Cancelled.").waitFor();

  const withZero = vectors.slice().fill(0, 0, dimensions);
  await open(withZero, [count, dimensions]);
  await section().getByRole("button", { name: "Measure recall" }).click();
  await section()
    .getByText(/vector 0 is zero as codes and has no direction/)
    .waitFor();

  await open(vectors.slice(0, 4 * dimensions), [4, dimensions]);
  await shows(() => section().count()).toBe(0);
});
