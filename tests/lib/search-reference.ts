import { type Floats, newFloats } from "./random.js";
import { type Layout, numbersOf, type Round, roundHalfToEven, roundTo } from "./reference.js";

// Scales by search once more, from docs/arithmetic.md: for scales of the weights' own type.

const f = Math.fround;

/** The scale of each channel. */
export function searchedScales(weights: Floats, layout: Layout, bits: number, positive: boolean): Floats {
  const ofChannels = numbersOf(weights, layout);
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const scales = newFloats(type, ofChannels.length);
  ofChannels.forEach((channel, c) => {
    scales[c] = symmetricScale(channel, bits, positive, roundTo(type));
  });
  return scales;
}

function symmetricScale(weights: readonly number[], bits: number, positive: boolean, round: Round): number {
  const [least, most] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const up = weights.reduce((a, b) => Math.max(a, b), 0);
  const down = weights.reduce((a, b) => Math.max(a, -b), 0);
  const scale = round(Math.max(up, down) / most) || 1;
  const sign = positive || up < down ? 1 : -1;
  return searchedScale(weights, bits, { scale, least, most }, round, sign, [
    () => [((positive ? most : -least) - 1) * 128, 102],
    ({ a, c }) => [roundHalfToEven(Math.min(f(c / a) / 4, 30000)) - 45, 13],
  ]);
}

/** The scale that the range gives, and the limits of codes less the zero point. */
export interface Choice {
  readonly scale: number;
  readonly least: number;
  readonly most: number;
}

/** The sum of products of weights and codes of the best trial, and that of the squares of its codes. */
interface Best {
  readonly a: number;
  readonly c: number;
}

/** x / 2^bits of an integer, rounded half up. */
const shifted = (x: number, bits: number) => Math.floor((x + 2 ** (bits - 1)) / 2 ** bits);

/**
 * The scale of the best trial, or that of the range where it is not better.
 *
 * @param sign of the scale that is found
 * @param sweeps the first factor and the step of eight trials, which may follow from the best before
 */
export function searchedScale(
  weights: readonly number[],
  bits: number,
  { scale: ofRange, least, most }: Choice,
  round: Round,
  sign: 1 | -1,
  sweeps: readonly ((best: Best) => readonly [first: number, step: number])[],
): number {
  const clamped = (code: number) => Math.min(most, Math.max(least, code));
  const size = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (bits > 8 || size < 2 ** -40 || size > 2 ** 40) return ofRange;

  const factor = sign * f(32767 / f(size));
  const integers = weights.map((weight) => roundHalfToEven(f(f(weight) * factor)));
  let best: Best = { a: 0, c: 1 };
  for (const sweep of sweeps) {
    const [first, step] = sweep(best);
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
  }
  const searched = sign * (round(f(best.a / best.c) * ((size / 32767) * 2 ** 24)) || 1);

  const perStep = ((2 ** (bits - 1) - 1) / size) * 256;
  const errorOf = (scale: number, count: (x: number) => number) => {
    let total = 0;
    for (let at = 0; at < weights.length; at += 1024) {
      const sums = [0, 0, 0, 0];
      weights.slice(at, at + 1024).forEach((weight, i) => {
        const error = round(weight - round(clamped(roundHalfToEven(round(weight / scale))) * scale));
        sums[i % 4] = round(sums[i % 4] + round(error * error));
      });
      total += count(round(round(sums[0] + sums[2]) + round(sums[1] + sums[3])) * perStep * perStep);
    }
    return total;
  };
  const wins = errorOf(searched, Math.ceil) * (1 + 2 ** -14) < errorOf(ofRange, Math.floor);
  return wins ? searched : ofRange;
}
