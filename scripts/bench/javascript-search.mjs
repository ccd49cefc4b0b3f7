// Scales by search and zero points in plain JavaScript, as docs/arithmetic.md has them, for float32 rows of up to 8 bits:
// the peer of the rules for scales, and what they are checked against.

/** @typedef {{ bits: number, scales: "max" | "search", zeroPoints: boolean }} RowScheme */
/** @typedef {{ scales: Float32Array, quantized: Int8Array, zeroPoints?: Int8Array }} RowArrays */

/**
 * Scales, zero points and codes of rows, or groups, of one length.
 * @param {Float32Array} weights
 * @param {number} length of a row
 * @param {RowScheme} scheme
 * @param {RowArrays} arrays to be filled
 */
export function quantizeBy(weights, length, { bits, scales, zeroPoints }, arrays) {
  const integers = new Int32Array(length);
  for (let begin = 0, row = 0; begin < weights.length; begin += length, row++) {
    const some = weights.subarray(begin, begin + length);
    const range = rangeOf(some, bits, zeroPoints);
    const scale = scales === "max" ? range.scale : searched(some, bits, zeroPoints, range, integers);
    arrays.scales[row] = scale;
    if (arrays.zeroPoints) arrays.zeroPoints[row] = range.zeroPoint;
    for (let i = 0; i < length; i++) {
      const code = toEven(Math.fround(some[i] / scale));
      arrays.quantized[begin + i] = clamped(code, range.least, range.most) + range.zeroPoint;
    }
  }
  return arrays;
}

/** Rounds a float64 half to even. */
const toEven = (/** @type {number} */ x) => x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;

const clamped = (/** @type {number} */ code, /** @type {number} */ least, /** @type {number} */ most) =>
  code < least ? least : code > most ? most : code;

/** @typedef {{ peak: number, scale: number, zeroPoint: number, least: number, most: number }} Range */

/** @returns {Range} the weight of the largest magnitude, and what the range alone gives */
function rangeOf(/** @type {Float32Array} */ some, /** @type {number} */ bits, /** @type {boolean} */ zeroPoints) {
  let [up, down] = [0, 0];
  for (let i = 0; i < some.length; i++) {
    const weight = some[i];
    if (weight > up) up = weight;
    if (-weight > down) down = -weight;
  }
  const peak = up >= down ? up : -down;
  const [qmin, qmax] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  if (!zeroPoints) {
    return { peak, scale: Math.fround(Math.abs(peak) / qmax) || 1, zeroPoint: 0, least: qmin, most: qmax };
  }
  const scale = Math.fround(Math.fround(up + down) / (qmax - qmin)) || 1;
  const below = Math.min(toEven(Math.fround(down / scale)), qmax - qmin);
  return { peak, scale, zeroPoint: qmin + below, least: -below, most: qmax - qmin - below };
}

/** The scale of the best trial, or that of the range where it is not better. */
function searched(
  /** @type {Float32Array} */ some,
  /** @type {number} */ bits,
  /** @type {boolean} */ zeroPoints,
  /** @type {Range} */ range,
  /** @type {Int32Array} */ integers,
) {
  const magnitude = Math.abs(range.peak);
  if (magnitude < 2 ** -40 || magnitude > 2 ** 40) return range.scale;
  const sign = !zeroPoints && range.peak > 0 ? -1 : 1;
  const factor = Math.fround((sign * 32767) / magnitude);
  for (let i = 0; i < some.length; i++) integers[i] = toEven(Math.fround(some[i] * factor));

  const best = { products: 0, squares: 1 };
  if (zeroPoints) {
    const steps = 2 ** bits - 1;
    const unit = 128 * Math.fround(Math.min(Math.fround(magnitude / range.scale), steps) / steps);
    tryEight(integers, toEven(Math.fround(unit * (steps - 1))), toEven(Math.fround(unit * distance)), range, best);
  } else {
    tryEight(integers, (2 ** (bits - 1) - 1) * 128, 102, range, best);
    const around = Math.fround(best.squares / best.products) / 4;
    tryEight(integers, toEven(Math.min(around, 30000)) - 45, 13, range, best);
  }
  const unit = (magnitude / 32767) * 2 ** 24;
  const scale = sign * Math.fround(Math.fround(best.products / best.squares) * unit) || 1;
  const perStep = ((2 ** (bits - 1) - 1) / magnitude) * 256;
  const error = errorOf(some, scale, range, (sum) => Math.ceil(sum * perStep * perStep));
  const ofRange = errorOf(some, range.scale, range, (sum) => Math.floor(sum * perStep * perStep));
  return error * (1 + 2 ** -14) < ofRange ? scale : range.scale;
}

/** The distance of trials with zero points, in codes. */
const distance = Math.fround(0.65);

/** Keeps the best of eight trials, or what was better before. */
function tryEight(
  /** @type {Int32Array} */ integers,
  /** @type {number} */ first,
  /** @type {number} */ step,
  /** @type {Range} */ { least, most },
  /** @type {{ products: number, squares: number }} */ best,
) {
  for (let j = 0; j < 8; j++) {
    let [products, squares] = [0, 0];
    for (let i = 0; i < integers.length; i++) {
      const weight = integers[i];
      const codes = ((weight * first + 16384) >> 15) + j * ((weight * step + 16384) >> 15);
      const code = clamped((codes + 64) >> 7, least, most);
      products += weight * code;
      squares += code * code;
    }
    const a = Math.fround(products) * 2 ** -24;
    const c = Math.fround(squares);
    const score = Math.fround(Math.fround(a * a) * best.squares);
    if (score > Math.fround(Math.fround(best.products * best.products) * c)) {
      best.products = a;
      best.squares = c;
    }
  }
}

/** The sum of squared errors: sums of 1024 weights, each as count() takes it. */
function errorOf(
  /** @type {Float32Array} */ some,
  /** @type {number} */ scale,
  /** @type {Range} */ { least, most },
  /** @type {(sum: number) => number} */ count,
) {
  const f = Math.fround;
  const sums = new Float32Array(4);
  let total = 0;
  for (let i = 0; i < some.length; i++) {
    const error = f(some[i] - f(clamped(toEven(f(some[i] / scale)), least, most) * scale));
    sums[i & 3] += f(error * error);
    if ((i + 1) % 1024 !== 0 && i + 1 !== some.length) continue;
    total += count(f(f(sums[0] + sums[2]) + f(sums[1] + sums[3])));
    sums.fill(0);
  }
  return total;
}
