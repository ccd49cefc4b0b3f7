// Weights of real models as matrices, whose rows are channels, and the SQNR that a way of quantizing them has.

import { load } from "channelwise";
import { balance } from "channelwise/balance";
import { openModel, planModel, readFloats } from "channelwise/models";

const channelwise = await load();

/** @typedef {{ rows: number, columns: number, weights: Float32Array }} Matrix the rows are the channels */

const product = (/** @type {readonly number[]} */ numbers) => numbers.reduce((a, b) => a * b, 1);

/**
 * The channels of a tensor one after the other.
 * @param {{ shape: readonly number[], axis: number, weights: Float32Array }} tensor
 * @returns {Matrix}
 */
export function matrixOf({ shape, axis, weights }) {
  const [outer, rows, inner] = [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
  const matrix = new Float32Array(weights.length);
  let at = 0;
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) matrix[at++] = weights[(o * rows + row) * inner + i];
  return { rows, columns: outer * inner, weights: matrix };
}

/**
 * A tensor of the channels of a matrix: the inverse of matrixOf().
 * @param {Float32Array} matrix
 * @param {{ shape: readonly number[], axis: number }} tensor
 */
export function tensorOf(matrix, { shape, axis }) {
  const [outer, rows, inner] = [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
  const weights = new Float32Array(matrix.length);
  let at = 0;
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) weights[(o * rows + row) * inner + i] = matrix[at++];
  return weights;
}

/**
 * The matrices of a model that are quantized by default.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} file
 */
export async function matricesOf({ name, bytes }) {
  const model = await openModel(new Blob([bytes]), { name });
  /** @type {(Matrix & { tensor: { shape: readonly number[], axis: number, weights: Float32Array } })[]} */
  const matrices = [];
  for (const decision of planModel(model).decisions) {
    if (!decision.quantize) continue;
    const tensor = model.tensors.find((each) => each.name === decision.tensor);
    if (!tensor || decision.scheme.axis === undefined)
      throw new Error(`${name} has no channels for ${decision.tensor}`);
    const weights = Float32Array.from(await readFloats(tensor));
    const of = { shape: tensor.shape, axis: decision.scheme.axis, weights };
    matrices.push({ ...matrixOf(of), tensor: of });
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

/**
 * A way to quantize a matrix, with a scale for a group or for a row.
 * @typedef {{ bits: number, group: number | undefined, scales?: import("channelwise").ScaleRule, zeroPoints?: boolean, balance?: boolean }} Way
 */

/** The bytes of a matrix: packed codes and zero points, and scales of float16 for groups and float32 for rows. */
export function bytesOf(
  /** @type {Matrix} */ { rows, columns },
  /** @type {Way} */ { bits, group, zeroPoints = false },
) {
  const scales = rows * (group === undefined ? 1 : Math.ceil(columns / group));
  const bitsOfScale = (group === undefined ? 32 : 16) + (zeroPoints ? bits : 0);
  return Math.ceil((rows * columns * bits) / 8) + Math.ceil((scales * bitsOfScale) / 8);
}

/** The parts of a matrix as they are quantized, with scales of float32. */
function* quantizedParts(/** @type {Matrix} */ matrix, /** @type {Way} */ { group, balance: balanced, ...options }) {
  for (const part of partsOf(matrix, group)) {
    const granularity = { group: part.group, along: 1 };
    const result = channelwise.quantize(part.weights, { shape: part.shape, granularity, dequantize: true, ...options });
    const { mse, dequantized } = balanced ? balance(part.weights, /** @type {any} */ (result)) : result;
    yield { part, mse: /** @type {number} */ (mse), values: /** @type {Float32Array} */ (dequantized) };
  }
}

/**
 * What stands for the weights of a matrix whose groups begin at some place in a row, and go on at its beginning.
 * @param {Matrix} matrix
 * @param {Way} way
 * @param {number} offset
 * @returns {Float32Array}
 */
export function valuesOf(matrix, way, offset) {
  const { rows, columns, weights } = matrix;
  const begin = offset % columns;
  const turned = rotatedRows({ rows, columns, weights }, begin);
  const values = new Float32Array(weights.length);
  let at = 0;
  for (const { part, values: some } of quantizedParts({ rows, columns, weights: turned }, way)) {
    const width = part.shape[1];
    for (let row = 0; row < rows; row++) values.set(some.subarray(row * width, (row + 1) * width), row * columns + at);
    at += width;
  }
  return rotatedRows({ rows, columns, weights: values }, columns - begin);
}

/** Each row of a matrix from a place on, and then from its beginning. */
function rotatedRows(/** @type {Matrix} */ { rows, columns, weights }, /** @type {number} */ begin) {
  const turned = new Float32Array(weights.length);
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * columns;
    turned.set(weights.subarray(row * columns + begin, end), row * columns);
    turned.set(weights.subarray(row * columns, row * columns + begin), end - begin);
  }
  return turned;
}

/** The SQNR of a matrix in dB. */
export function sqnrOf(/** @type {Matrix} */ matrix, /** @type {Way} */ way) {
  let [signal, noise] = [0, 0];
  for (const { part, mse } of quantizedParts(matrix, way)) {
    noise += mse * part.weights.length;
    for (const weight of part.weights) signal += weight * weight;
  }
  return 10 * Math.log10(signal / noise);
}
