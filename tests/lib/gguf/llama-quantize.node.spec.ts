import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { load } from "channelwise";
import { type FileTypeName, fileSink, fileTypes, openModel, planModel, quantizeModel } from "channelwise/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchLlama, runsHere } from "../../../scripts/ggml/library.mjs";
import { ggufFile } from "./gguf-file.js";
import { type TinyModel, tinyModel } from "./tiny-models.js";

// Whole files are compared with those of llama.cpp's own library, byte for byte.

const program = fileURLToPath(new URL("../../../scripts/ggml/llama-quantize.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "channelwise-gguf-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the folder of the files, which are named by the numbers of their types. */
async function llamaQuantize(input: string, types: readonly FileTypeName[], ...options: string[]): Promise<string> {
  const output = mkdtempSync(join(folder, "theirs-"));
  const numbers = types.map((type) => String(fileTypes[type].number));
  await promisify(execFile)(process.execPath, [program, input, output, ...numbers, ...options], { maxBuffer: 2 ** 26 });
  return output;
}

const channelwise = await load();

async function ours(input: string, output: string, type: FileTypeName, requantize = false): Promise<Buffer> {
  const model = await openModel(input);
  try {
    await quantizeModel(channelwise, planModel(model, { type, requantize }), await fileSink(output));
    return readFileSync(output);
  } finally {
    await model.close();
  }
}

/** The first difference of two files, which tells more than that they differ. */
function firstDifference(a: Buffer, b: Buffer): string | undefined {
  if (a.equals(b)) return undefined;
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return `byte ${at}: ${a.subarray(at, at + 16).toString("hex")} and not ${b.subarray(at, at + 16).toString("hex")}; ${a.length} and ${b.length} bytes`;
}

const plain = { architecture: "llama", layers: 2, columns: 256, hidden: 256 };
/** Each has what a rule of llama-quantize asks for, in as few weights as show it. */
const models: Record<string, TinyModel> = {
  "llama of layers of all eighths, F16": { ...plain, layers: 9 },
  "llama, BF16": { ...plain, type: "BF16" },
  "llama of tied embeddings, F32": { ...plain, isTied: true, type: "F32" },
  "llama of rows that 32 divides": { ...plain, columns: 160, hidden: 320 },
  "llama with rows that nothing divides": { ...plain, columns: 160, hidden: 200 },
  "llama of 8 experts": { ...plain, layers: 1, experts: 8 },
  "llama of 4 experts": { ...plain, experts: 4 },
  "llama of few heads of keys": { ...plain, heads: 8, keyHeads: 2 },
  "qwen2 of tied embeddings": { ...plain, architecture: "qwen2", isTied: true },
  gemma: { ...plain, architecture: "gemma", isTied: true },
  falcon: { ...plain, architecture: "falcon" },
};
const written = Object.keys(fileTypes) as FileTypeName[];
/** The types with rules for layers; the others need no model of many. */
const mixed = written.filter((type) => /_K/.test(type));

describe.runIf(runsHere)("a GGUF is what llama-quantize writes", () => {
  beforeAll(async () => {
    await fetchLlama();
  });

  it.each(Object.keys(models))("%s", async (name) => {
    const input = join(folder, `${name}.gguf`);
    writeFileSync(input, ggufFile(tinyModel(models[name])));
    const types = models[name].layers > 2 ? mixed : written;
    const theirs = await llamaQuantize(input, types);
    for (const type of types) {
      const mine = await ours(input, join(folder, "ours.gguf"), type);
      expect(firstDifference(mine, readFileSync(join(theirs, `${fileTypes[type].number}.gguf`))), type).toBeUndefined();
      rmSync(join(folder, "ours.gguf"));
    }
  });

  it("of a GGUF that is quantized already, where that is asked for", async () => {
    const input = join(folder, "quantized.gguf");
    writeFileSync(join(folder, "floats.gguf"), ggufFile(tinyModel(plain)));
    await ours(join(folder, "floats.gguf"), input, "Q5_K_M");
    const theirs = await llamaQuantize(input, ["Q4_K_M", "Q8_0"], "requantize");
    for (const type of ["Q4_K_M", "Q8_0"] as const) {
      const mine = await ours(input, join(folder, "again.gguf"), type, true);
      expect(firstDifference(mine, readFileSync(join(theirs, `${fileTypes[type].number}.gguf`))), type).toBeUndefined();
      rmSync(join(folder, "again.gguf"));
    }
  });
});
