// npm run scale-gains: what rules for scales gain over the maximum on real weights, as a table for docs/arithmetic.md.

import { build } from "./bench/library.mjs";
import { basicPitchWeights, kokoroVoices, upscalerWeights } from "./data.mjs";
import { winkVectors } from "./embeddings/wink.mjs";
import { readOcrModels } from "./ocr/packages.mjs";

build();
// The library is there only by now.
const { matricesOf, matrixOf, sqnrOf } = await import("./matrices.mjs");

/** @typedef {import("./matrices.mjs").Matrix} Matrix */

const ocr = await readOcrModels();
/** @type {[string, Matrix[]][]} */
const sets = [
  ["OCR rec", await matricesOf(ocr.rec)],
  ["OCR det", await matricesOf(ocr.det)],
  ["OCR cls", await matricesOf(ocr.cls)],
  ["Kokoro", (await kokoroVoices()).map(matrixOf)],
  ["Basic Pitch", (await basicPitchWeights()).map(matrixOf)],
  ["upscaler", (await upscalerWeights()).map(matrixOf)],
  ["wink", [{ rows: 100_000, columns: 100, weights: await winkVectors(100_000) }]],
];

/** @type {[string, Omit<import("./matrices.mjs").Way, "bits" | "group">][]} */
const rules = [
  ["`signed-max`", { scales: "signed-max" }],
  ["`search`", { scales: "search" }],
  ["`positive-search`", { scales: "positive-search" }],
  ["zero points", { scales: "max", zeroPoints: true }],
  ["zero points, `search`", { scales: "search", zeroPoints: true }],
];

/** The mean over the tensors of a set, weighted by their size, of what a rule gains. */
function gainOf(
  /** @type {Matrix[]} */ matrices,
  /** @type {number} */ bits,
  /** @type {number | undefined} */ group,
  /** @type {Omit<import("./matrices.mjs").Way, "bits" | "group">} */ rule,
) {
  let [sum, size] = [0, 0];
  for (const matrix of matrices) {
    const gain = sqnrOf(matrix, { bits, group, ...rule }) - sqnrOf(matrix, { bits, group });
    if (!Number.isFinite(gain)) continue; // Every error is 0, whatever the rule.
    sum += gain * matrix.weights.length;
    size += matrix.weights.length;
  }
  return sum / size;
}

console.log(`| bits, scale of | rule | mean | ${sets.map(([name]) => name).join(" | ")} |`);
console.log(`| --- | --- | ${"---: | ".repeat(sets.length + 1)}`);
for (const [bits, group] of /** @type {[number, number | undefined][]} */ ([
  [4, 32],
  [4, undefined],
  [3, 32],
  [3, undefined],
  [2, 32],
  [2, undefined],
  [8, 32],
  [8, undefined],
])) {
  for (const [name, rule] of rules) {
    const gains = sets.map(([, matrices]) => gainOf(matrices, bits, group, rule));
    const all = [gains.reduce((a, b) => a + b) / gains.length, ...gains];
    const scaleOf = group === undefined ? "a row" : `${group} weights`;
    console.log(`| ${bits}, ${scaleOf} | ${name} | ${all.map((gain) => gain.toFixed(2)).join(" | ")} |`);
  }
}
