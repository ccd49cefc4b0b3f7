// Checks every result against the arithmetic written out for any layout.

import { extents } from "./cases.mjs";
import { quantizeBy } from "./javascript-search.mjs";

/** @typedef {import("./cases.mjs").Work} Work */
/** @typedef {Float32Array | Float64Array} Floats */

/**
 * The result of a contender, with errors and dequantized values if its job asks for them.
 * @typedef {object} Result
 * @property {Floats} scales
 * @property {Int8Array | Int16Array} quantized
 * @property {Int8Array | Int16Array} [zeroPoints]
 * @property {Floats} [dequantized]
 * @property {number} [mse]
 * @property {number} [maxError]
 * @property {number} [sqnr] in dB
 */

/** @typedef {Pick<Result, "scales" | "quantized"> & Partial<Result>} Expected */

/**
 * @param {Work} work
 * @param {Floats} weights
 * @returns {Expected}
 */
export function exactResult(work, weights) {
  const { outer, channels, inner } = extents(work);
  if (work.rule) {
    const quantized = new Int8Array(weights.length);
    const arrays = { scales: new Float32Array(channels), quantized, zeroPoints: new Int8Array(channels) };
    return quantizeBy(/** @type {Float32Array} */ (weights), inner, { bits: work.bits, ...work.rule }, arrays);
  }
  const rounded = work.type === "float32" ? Math.fround : Number;
  const qmax = 2 ** (work.bits - 1) - 1;

  const scales = work.type === "float32" ? new Float32Array(channels) : new Float64Array(channels);
  for (let i = 0, o = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < inner; k++, i++) scales[c] = Math.max(scales[c], Math.abs(weights[i]));
    }
  }
  scales.forEach((largest, c) => {
    scales[c] = largest / qmax;
  });

  const quantized = work.bits > 8 ? new Int16Array(weights.length) : new Int8Array(weights.length);
  const dequantized =
    scales instanceof Float32Array ? new Float32Array(weights.length) : new Float64Array(weights.length);
  let [errorSum, weightSum, maxError] = [0, 0, 0];
  for (let i = 0, o = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < inner; k++, i++) {
        quantized[i] = roundHalfToEven(rounded(weights[i] / scales[c]));
        dequantized[i] = quantized[i] * scales[c];
        const error = Math.abs(weights[i] - dequantized[i]);
        errorSum += error * error;
        weightSum += weights[i] * weights[i];
        maxError = Math.max(maxError, error);
      }
    }
  }
  const mse = errorSum / weights.length;
  return { scales, quantized, dequantized, mse, maxError, sqnr: 10 * Math.log10(weightSum / errorSum) };
}

function roundHalfToEven(/** @type {number} */ x) {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Throws unless a result is the expected one: the same bits, and error figures within a relative 1e-5 (onnxruntime's
 * sums are float32). An inexact contender may be one code off where a weight lies next to a tie.
 * @param {string} name
 * @param {Result} actual
 * @param {Expected} expected
 * @param {{ exact: boolean, errors: boolean, dequantize: boolean }} promise
 */
export function check(name, actual, expected, { exact, errors, dequantize }) {
  const fail = (/** @type {string} */ what) => {
    throw new Error(`${name}: wrong ${what}`);
  };
  if (largestDifference(actual.scales, expected.scales) !== 0) fail("scales");
  if (!(largestDifference(actual.quantized, expected.quantized) <= (exact ? 0 : 1))) fail("codes");
  if (actual.zeroPoints && largestDifference(actual.zeroPoints, expected.zeroPoints ?? []) !== 0) fail("zero points");
  if (dequantize) {
    const step = exact ? 0 : 1.001 * largest(expected.scales);
    if (!(largestDifference(actual.dequantized ?? [], expected.dequantized ?? [0]) <= step)) fail("dequantized");
  }
  if (errors) {
    for (const figure of /** @type {const} */ (["mse", "maxError", "sqnr"])) {
      const [is, should] = [actual[figure] ?? NaN, expected[figure] ?? NaN];
      if (!(Math.abs(is - should) <= 1e-5 * should)) fail(`${figure}: ${is} instead of ${should}`);
    }
  }
}

/** The largest difference; NaN where the lengths differ. */
function largestDifference(/** @type {ArrayLike<number>} */ a, /** @type {ArrayLike<number>} */ b) {
  let largest = a.length === b.length ? 0 : NaN;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

function largest(/** @type {Floats} */ numbers) {
  let result = 0;
  for (const each of numbers) result = Math.max(result, each);
  return result;
}
