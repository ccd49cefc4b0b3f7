import { type Floats, newFloats } from "./random.js";
import { channels, type Layout } from "./reference.js";

// Zero points once more, from docs/arithmetic.md: for scales of the weights' own type.

const f = Math.fround;

function halfToEven(x: number): number {
  const floor = Math.floor(x);
  if (!Number.isFinite(x) || x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** x / 2^bits of an integer, rounded half up. */
const shifted = (x: number, bits: number) => Math.floor((x + 2 ** (bits - 1)) / 2 ** bits);

/** The scale and the zero point of a channel, and the limits of codes less the zero point. */
interface Choice {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly least: number;
  readonly most: number;
}

type Round = (x: number) => number;

/** What the law makes of weights, with scales of the range or by a search. */
export function zeroPointReference(weights: Floats, layout: Layout, bits: number, isSearched: boolean) {
  const { scaleShape, channelOf } = channels(layout);
  const ofChannels: number[][] = Array.from({ length: scaleShape.reduce((a, b) => a * b, 1) }, () => []);
  weights.forEach((weight, i) => {
    ofChannels[channelOf(i)].push(weight);
  });
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const round: Round = type === "float32" ? f : (x) => x;
  const choices = ofChannels.map((channel) => {
    const choice = ofRange(channel, bits, round);
    return isSearched ? { ...choice, scale: searchedScale(channel, bits, choice, round) } : choice;
  });
  const scales = newFloats(type, choices.length);
  const newCodes = (length: number) => (bits > 8 ? new Int16Array(length) : new Int8Array(length));
  const [zeroPoints, quantized] = [newCodes(choices.length), newCodes(weights.length)];
  const dequantized = newFloats(type, weights.length);
  choices.forEach((choice, c) => {
    scales[c] = choice.scale;
    zeroPoints[c] = choice.zeroPoint;
  });
  weights.forEach((weight, i) => {
    const { scale, zeroPoint, least, most } = choices[channelOf(i)];
    const code = Math.min(most, Math.max(least, halfToEven(round(weight / scale))));
    quantized[i] = code + zeroPoint;
    dequantized[i] = round(code * scale) + 0;
  });
  return { scales, zeroPoints, quantized, dequantized, scaleShape };
}

function ofRange(weights: readonly number[], bits: number, round: Round): Choice {
  const up = weights.reduce((a, b) => Math.max(a, b), 0);
  const down = weights.reduce((a, b) => Math.max(a, -b), 0);
  const [qmin, steps] = [-(2 ** (bits - 1)), 2 ** bits - 1];
  const width = round(up + down);
  const ofWidth = width === Infinity ? 2 * round(round(up / 2 + down / 2) / steps) : round(width / steps);
  let scale = ofWidth === 0 ? 1 : ofWidth;
  const largest = Math.max(up, down);
  const code = () => Math.min(steps, halfToEven(round(largest / scale)));
  // The first scale below: of powers of two, less than 2^-60 of it.
  while (round(code() * scale) === Infinity) {
    const below = largestBelow(scale, round);
    // Where a code more was the reason, many scales do not do.
    const fitting = round(maximumOf(round) / code());
    scale = Math.min(below, fitting);
  }
  const zeroPoint = qmin + Math.min(halfToEven(round(down / scale)), steps);
  return { scale, zeroPoint, least: qmin - zeroPoint, most: qmin + steps - zeroPoint };
}

const maximumOf = (round: Round) => (round === f ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE);

/** The next number of the type towards 0. */
function largestBelow(x: number, round: Round): number {
  const array = round === f ? new Float32Array([x]) : new Float64Array([x]);
  const bits = round === f ? new Uint32Array(array.buffer) : new BigUint64Array(array.buffer);
  bits[0]--;
  return array[0];
}

function searchedScale(weights: readonly number[], bits: number, choice: Choice, round: Round): number {
  const { scale: ofRange, least, most } = choice;
  const steps = 2 ** bits - 1;
  const clamped = (code: number) => Math.min(most, Math.max(least, code));
  const size = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (bits > 8 || size < 2 ** -40 || size > 2 ** 40) return ofRange;

  const factor = f(32767 / f(size));
  const integers = weights.map((weight) => halfToEven(f(f(weight) * factor)));
  const unit = 128 * f(Math.min(f(f(size) / f(ofRange)), steps) / steps);
  const [first, step] = [halfToEven(f(unit * (steps - 1))), halfToEven(f(unit * f(0.65)))];
  let best = { a: 0, c: 1 };
  for (let j = 0; j < 8; j++) {
    let [products, squares] = [0, 0];
    for (const v of integers) {
      const code = clamped(shifted(shifted(v * first, 15) + j * shifted(v * step, 15), 7));
      products += v * code;
      squares += code * code;
    }
    const [a, c] = [f(products) * 2 ** -24, f(squares)];
    if (f(f(a * a) * best.c) > f(f(best.a * best.a) * c)) best = { a, c };
  }
  const searched = round(f(best.a / best.c) * ((size / 32767) * 2 ** 24)) || 1;

  const qmax = 2 ** (bits - 1) - 1;
  const errorOf = (scale: number, count: (x: number) => number) => {
    let total = 0;
    for (let at = 0; at < weights.length; at += 1024) {
      const sums = [0, 0, 0, 0];
      weights.slice(at, at + 1024).forEach((weight, i) => {
        const error = round(weight - round(clamped(halfToEven(round(weight / scale))) * scale));
        sums[i % 4] = round(sums[i % 4] + round(error * error));
      });
      const perStep = (qmax / size) * 256;
      total += count(round(round(sums[0] + sums[2]) + round(sums[1] + sums[3])) * perStep * perStep);
    }
    return total;
  };
  const wins = errorOf(searched, Math.ceil) * (1 + 2 ** -14) < errorOf(ofRange, Math.floor);
  return wins ? searched : ofRange;
}
