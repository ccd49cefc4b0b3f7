import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import { fileSink, openModel, planModel, quantizeModel, splitGguf } from "channelwise/models";
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fetchWllama } from "../../../scripts/ggml/wllama.mjs";
import { launchChromium, outcomeOf, serve } from "../../packaging/browser.js";
import { ggufFile } from "./gguf-file.js";
import { tinyModel } from "./tiny-models.js";

// A tiny model of random weights runs in Chromium with wllama, as floats and as what is made of them here.

const folder = mkdtempSync(join(tmpdir(), "channelwise-wllama-"));
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
  symlinkSync(await fetchWllama(), join(folder, "wllama"), "junction");
  writeFileSync(join(folder, "index.html"), '<output></output><script type="module" src="page.js"></script>');
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** Shows the embedding of a text by each of the models, whose files are given. */
const page = (models: readonly (readonly string[])[]) => `
  import { LoggerWithoutDebug, Wllama } from "./wllama/index.min.js";
  const blobs = (names) => Promise.all(names.map(async (name) => (await fetch(name)).blob()));
  const answers = [];
  for (const names of ${JSON.stringify(models)}) {
    const paths = { default: new URL("wllama/wasm/wllama.wasm", location.href).href };
    const wllama = new Wllama(paths, { logger: { ...LoggerWithoutDebug, warn() {} }, suppressNativeLog: true });
    await wllama.loadModel(await blobs(names), { embeddings: true, n_ctx: 64, n_threads: 1 });
    const { data } = await wllama.createEmbedding({ input: "abcde" });
    answers.push(data[0].embedding);
    await wllama.exit();
  }
  document.querySelector("output").textContent = JSON.stringify(answers);`;

it("wllama answers in Chromium with parts that were written here, nearly as with the floats", async () => {
  const tiny = tinyModel({ architecture: "llama", layers: 2, columns: 256, hidden: 512, type: "F32" });
  writeFileSync(join(folder, "float.gguf"), ggufFile(tiny));
  const floats = await openModel(join(folder, "float.gguf"));
  await quantizeModel(await load(), planModel(floats, { type: "Q8_0" }), await fileSink(join(folder, "whole.gguf")));
  await floats.close();
  const whole = await openModel(join(folder, "whole.gguf"));
  const parts = splitGguf(whole, 500_000);
  const names = parts.map((_, i) => `model-0000${i + 1}-of-0000${parts.length}.gguf`);
  for (const [i, { write }] of parts.entries()) await write(await fileSink(join(folder, names[i])));
  await whole.close();
  expect(names.length).toBeGreaterThan(1);

  writeFileSync(join(folder, "page.js"), page([["float.gguf"], names]));
  const { url, close } = await serve(folder, "default-src 'self' blob: 'unsafe-eval'");
  try {
    const [of, ours] = (await outcomeOf(browser, url)) as number[][];
    expect(of).toHaveLength(256);
    const squares = (numbers: number[]) => numbers.reduce((sum, each) => sum + each ** 2, 0);
    expect(squares(of)).toBeGreaterThan(0);
    const sqnr = 10 * Math.log10(squares(of) / squares(of.map((each, i) => ours[i] - each)));
    expect(sqnr).toBeGreaterThan(25);
  } finally {
    await close();
  }
});
