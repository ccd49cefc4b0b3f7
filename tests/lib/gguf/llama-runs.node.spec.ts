import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { load } from "channelwise";
import { fileSink, openModel, planModel, quantizeModel, type Rules, splitGguf } from "channelwise/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchLlama, runsHere } from "../../../scripts/ggml/library.mjs";
import { ggufFile } from "./gguf-file.js";
import { tinyModel } from "./tiny-models.js";

// A tiny model of random weights runs in llama.cpp's own library, as floats and as what is made of them here.

const program = fileURLToPath(new URL("../../../scripts/ggml/llama-logits.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "channelwise-gguf-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tokens = [1, 80, 200, 40, 261, 7, 120, 33];

/** The logits of each model after each of the tokens, one after the other. */
async function logitsOf(paths: readonly string[]): Promise<number[][]> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, tokens.join(), ...paths], {
    maxBuffer: 2 ** 26,
  });
  return (JSON.parse(stdout) as number[][][]).map((answers) => answers.flat());
}

const channelwise = await load();
const floatPath = join(folder, "float.gguf");

async function quantized(rules: Rules): Promise<string> {
  const path = join(folder, `${rules.type}-${rules.encoder}.gguf`);
  const model = await openModel(floatPath);
  await quantizeModel(channelwise, planModel(model, rules), await fileSink(path));
  await model.close();
  return path;
}

/** Writes a GGUF in parts, and returns the path of the first one. */
async function inParts(path: string): Promise<string> {
  const model = await openModel(path);
  const parts = splitGguf(model, 500_000);
  const paths = parts.map((_, i) => join(folder, `parts-0000${i + 1}-of-0000${parts.length}.gguf`));
  for (const [i, { write }] of parts.entries()) await write(await fileSink(paths[i]));
  await model.close();
  expect(paths.length).toBeGreaterThan(1);
  return paths[0];
}

/** How far logits are from those of the floats, in dB. */
function sqnr(floats: readonly number[], logits: readonly number[]): number {
  const energy = floats.reduce((sum, logit) => sum + logit ** 2, 0);
  const noise = floats.reduce((sum, logit, i) => sum + (logits[i] - logit) ** 2, 0);
  return 10 * Math.log10(energy / noise);
}

/** Types with the least decibels of their answers: wrong bytes leave none. */
const types: readonly [NonNullable<Rules["type"]>, "ggml" | "search", number][] = [
  ["F16", "ggml", 50],
  ["Q8_0", "ggml", 30],
  ["Q4_0", "ggml", 10],
  ["Q4_0", "search", 10],
  ["Q4_K_M", "search", 10],
];

describe.runIf(runsHere)("llama.cpp answers with a GGUF that was written here", () => {
  beforeAll(async () => {
    await fetchLlama();
    const model = tinyModel({ architecture: "llama", layers: 2, columns: 256, hidden: 512, type: "F32" });
    writeFileSync(floatPath, ggufFile(model));
  });

  it("nearly as with its floats, and in parts as in one file", async () => {
    const written: string[] = [];
    for (const [type, encoder] of types) written.push(await quantized({ type, encoder }));
    const [floats, ofParts, ...others] = await logitsOf([floatPath, await inParts(written[1]), ...written]);
    expect(floats.length).toBe(tokens.length * 264);
    expect(floats.every(Number.isFinite)).toBe(true);
    for (const [i, [type, encoder, least]] of types.entries()) {
      expect(sqnr(floats, others[i]), `${type}, ${encoder}`).toBeGreaterThan(least);
    }
    expect(ofParts).toEqual(others[1]);
  });
});
