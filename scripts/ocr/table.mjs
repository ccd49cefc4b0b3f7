// Quantizes three OCR models in every way that is compared, runs them in ONNX Runtime as WebAssembly, and prints one
// table.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { evaluate } from "./evaluate.mjs";
import { evaluateMethods, offsets } from "./methods.mjs";
import { readCharacters, readOcrModels } from "./packages.mjs";
import { drawPictures } from "./pictures.mjs";
import { quantizeVariants, totalSqnr } from "./variants.mjs";

env.wasm.numThreads = 1;
const runtime = { InferenceSession, Tensor };

const titles = {
  rec: "recognition of 12 lines",
  det: "detection on a page",
  cls: "orientation of 24 lines",
};

/** @type {Record<string, (figure: number) => string>} */
const shown = {
  characterErrorRate: (rate) => `character error rate ${rate.toFixed(3)}`,
  cosine: (cosine) => `cosine ${cosine.toFixed(4)}`,
  sqnr: (decibels) => (decibels === Infinity ? "same output" : `${decibels.toFixed(1)} dB`),
  overlap: (part) => `mask overlap ${part.toFixed(3)}`,
  agreement: (part) => `same answer ${(100 * part).toFixed(0)} %`,
};

const pictures = await drawPictures();
const characters = await readCharacters();
for (const [model, file] of Object.entries(await readOcrModels())) {
  const name = /** @type {keyof typeof titles} */ (model);
  const quantized = await quantizeVariants(file);
  const files = {
    float32: file.bytes,
    ...Object.fromEntries(quantized.map(({ variant, bytes }) => [variant, bytes])),
  };
  const figures = await evaluate(runtime, name, files, pictures, characters);
  const rows = quantized.map(({ variant, plan, tensors, bytes }) => [
    variant,
    ...columnsOf(bytes, `${totalSqnr(tensors).toFixed(2)} dB`, figures[variant]),
    storageOf(plan),
  ]);
  console.log(`\n${file.name}, ${titles[name]}\n`);
  printTable([["float32", ...columnsOf(file.bytes, "", figures.float32), ""], ...rows]);
  console.log("");
  const methods = [["method", "bits", "weights", `mean of ${offsets.length} groupings, and the range`]];
  for await (const made of evaluateMethods(runtime, name, file, pictures, characters)) {
    const { method, bitsPerWeight, sqnr, runs } = made;
    methods.push([method, bitsPerWeight.toFixed(2), `${sqnr.toFixed(2)} dB`, meansOf(runs)]);
  }
  printTable(methods);
}
console.log(`
Files: their bytes; the SQNR of all weights; what the model makes of rendered text, and how the weights are stored.
Simulated: the codes have less bits than the file stores for each.
Methods: bits a weight, as packed codes with scales of float16; the mean of the tensors; and what onnxruntime-web makes
of the same text with the weights that the codes stand for. Groups have 32 weights, and begin at several places of a
row: one run of 12 lines says little.`);
process.exit();

/**
 * @param {Uint8Array} bytes
 * @param {string} weights
 * @param {Record<string, number>} figures
 */
function columnsOf(bytes, weights, figures) {
  const answers = Object.entries(figures).map(([figure, value]) => shown[figure](value));
  return [bytes.length.toLocaleString("en-US"), weights, answers.join(", ")];
}

/** @param {import("channelwise/models").Plan} plan */
function storageOf({ decisions }) {
  const ways = decisions.flatMap((decision) => {
    if (!decision.quantize) return [];
    const { pattern, scheme, storedBits } = decision;
    return [`${storedBits} bits in ${pattern}${scheme.bits < storedBits ? " (simulated)" : ""}`];
  });
  return [...new Set(ways)].join("; ");
}

/**
 * The mean of each figure, and the least and the largest.
 * @param {Record<string, number>[]} runs
 */
function meansOf(runs) {
  return Object.keys(runs[0])
    .map((figure) => {
      const all = runs.map((run) => run[figure]);
      const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
      const least = shown[figure](Math.min(...all)).replace(/^[a-z ]+/, "");
      return `${shown[figure](mean)} (${least} to ${shown[figure](Math.max(...all)).replace(/^[a-z ]+/, "")})`;
    })
    .join(", ");
}

/** @param {string[][]} rows */
function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    const cells = row.map((cell, i) => (i === 1 || i === 2 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])));
    console.log(cells.join("  ").trimEnd());
  }
}
