// Weights of real models as matrices, whose rows are channels, and the SQNR that a way of quantizing them has.

import { load } from "channelwise";
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
 * The matrices of a model that are quantized by default.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} file
 */
export async function matricesOf({ name, bytes }) {
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
export function sqnrOf(
  /** @type {Matrix} */ matrix,
  /** @type {number | undefined} */ group,
  /** @type {object} */ options,
) {
  let [signal, noise] = [0, 0];
  for (const part of partsOf(matrix, group)) {
    const granularity = { group: part.group, along: 1 };
    const { mse } = channelwise.quantize(part.weights, { shape: part.shape, granularity, ...options });
    noise += mse * part.weights.length;
    for (const weight of part.weights) signal += weight * weight;
  }
  return 10 * Math.log10(signal / noise);
}
