// Peers in plain JavaScript for float32 rows at 8 bits: the fastest exact loops, and faster inexact ones.

/** @typedef {{ scales: Float32Array, quantized: Int8Array, dequantized?: Float32Array }} Arrays */

/**
 * The loops over one row: codes alone, or also the sums for errors.
 * @typedef {object} RowLoops
 * @property {(weights: Float32Array, begin: number, end: number, scale: number, quantized: Int8Array) => void} codes
 * @property {(weights: Float32Array, begin: number, end: number, scale: number, arrays: Arrays, sums: Sums) => void}
 * all
 */

/** @typedef {{ errors: number, weights: number, largestError: number }} Sums squares, and the largest |error| */

/**
 * @param {RowLoops} loops
 * @param {Float32Array} weights
 * @param {number} rows
 * @param {boolean} errors
 * @param {Arrays} arrays to be filled
 */
export function quantizeRows(loops, weights, rows, errors, arrays) {
  const length = weights.length / rows;
  const sums = { errors: 0, weights: 0, largestError: 0 };
  for (let row = 0; row < rows; row++) {
    const [begin, end] = [row * length, (row + 1) * length];
    const scale = Math.fround(largestMagnitude(weights, begin, end) / 127);
    arrays.scales[row] = scale;
    if (errors) loops.all(weights, begin, end, scale, arrays, sums);
    else loops.codes(weights, begin, end, scale, arrays.quantized);
  }
  if (!errors) return arrays;
  const sqnr = 10 * Math.log10(sums.weights / sums.errors);
  return { ...arrays, mse: sums.errors / weights.length, maxError: sums.largestError, sqnr };
}

function largestMagnitude(/** @type {Float32Array} */ weights, /** @type {number} */ begin, /** @type {number} */ end) {
  let largest = 0;
  for (let i = begin; i < end; i++) {
    const magnitude = Math.abs(weights[i]);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** Adding and subtracting it rounds a float64 half to even; Math.round takes three times as long over a whole row. */
const roundingMagic = 1.5 * 2 ** 52;

/** Division, half to even: bit-exact. @type {RowLoops} */
export const exactLoops = {
  codes(weights, begin, end, scale, quantized) {
    for (let i = begin; i < end; i++) {
      quantized[i] = Math.fround(weights[i] / scale) + roundingMagic - roundingMagic;
    }
  },
  all(weights, begin, end, scale, { quantized, dequantized }, sums) {
    let { errors, weights: squares, largestError } = sums;
    for (let i = begin; i < end; i++) {
      const weight = weights[i];
      const code = Math.fround(weight / scale) + roundingMagic - roundingMagic;
      const value = Math.fround(code * scale);
      const error = Math.abs(weight - value);
      quantized[i] = code;
      if (dequantized) dequantized[i] = value;
      errors += error * error;
      squares += weight * weight;
      if (error > largestError) largestError = error;
    }
    Object.assign(sums, { errors, weights: squares, largestError });
  },
};

/** A product with the reciprocal: some codes differ, so this is not the same work. @type {RowLoops} */
export const fastLoops = {
  codes(weights, begin, end, scale, quantized) {
    const inverse = 1 / scale;
    for (let i = begin; i < end; i++) quantized[i] = weights[i] * inverse + roundingMagic - roundingMagic;
  },
  all(weights, begin, end, scale, { quantized, dequantized }, sums) {
    const inverse = 1 / scale;
    let { errors, weights: squares, largestError } = sums;
    for (let i = begin; i < end; i++) {
      const weight = weights[i];
      const code = weight * inverse + roundingMagic - roundingMagic;
      const value = code * scale;
      const error = Math.abs(weight - value);
      quantized[i] = code;
      if (dequantized) dequantized[i] = value;
      errors += error * error;
      squares += weight * weight;
      if (error > largestError) largestError = error;
    }
    Object.assign(sums, { errors, weights: squares, largestError });
  },
};
