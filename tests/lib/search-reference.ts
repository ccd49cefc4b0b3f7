import { type Floats, newFloats } from "./random.js";
import { channels, type Layout } from "./reference.js";

// Scales by search once more, from docs/arithmetic.md: for scales of the weights' own type.

const f = Math.fround;

function halfToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** x / 2^bits of an integer, rounded half up. */
const shifted = (x: number, bits: number) => Math.floor((x + 2 ** (bits - 1)) / 2 ** bits);

/** The scale of each channel. */
export function searchedScales(weights: Floats, layout: Layout, bits: number, positive: boolean): Floats {
  const { scaleShape, channelOf } = channels(layout);
  const ofChannels: number[][] = Array.from({ length: scaleShape.reduce((a, b) => a * b, 1) }, () => []);
  weights.forEach((weight, i) => {
    ofChannels[channelOf(i)].push(weight);
  });
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const scales = newFloats(type, ofChannels.length);
  const rounded = type === "float32" ? f : (x: number) => x;
  ofChannels.forEach((channel, c) => {
    scales[c] = searchedScale(channel, bits, positive, rounded);
  });
  return scales;
}

function searchedScale(weights: number[], bits: number, positive: boolean, rounded: (x: number) => number): number {
  const [qmin, qmax] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const clamped = (code: number) => Math.min(qmax, Math.max(qmin, code));
  const up = weights.reduce((a, b) => Math.max(a, b), 0);
  const down = weights.reduce((a, b) => Math.max(a, -b), 0);
  const peak = up >= down ? up : -down;
  const size = Math.abs(peak);
  const maximum = rounded(size / qmax) || 1;
  if (bits > 8 || size < 2 ** -40 || size > 2 ** 40) return maximum;

  const factor = positive ? f(32767 / f(size)) : f(-32767 / f(peak));
  const integers = weights.map((weight) => halfToEven(f(f(weight) * factor)));
  let best = { a: 0, c: 1 };
  const tryEight = (first: number, step: number) => {
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
  };
  tryEight(((positive ? qmax : -qmin) - 1) * 128, 102);
  tryEight(halfToEven(Math.min(f(best.c / best.a) / 4, 30000)) - 45, 13);
  const magnitude = rounded(f(best.a / best.c) * ((size / 32767) * 2 ** 24));
  const searched = factor < 0 ? -magnitude : magnitude;

  const errorOf = (scale: number, count: (x: number) => number) => {
    let total = 0;
    for (let at = 0; at < weights.length; at += 1024) {
      const sums = [0, 0, 0, 0];
      weights.slice(at, at + 1024).forEach((weight, i) => {
        const error = rounded(weight - rounded(clamped(halfToEven(rounded(weight / scale))) * scale));
        sums[i % 4] = rounded(sums[i % 4] + rounded(error * error));
      });
      const steps = (qmax / size) * 256;
      total += count(rounded(rounded(sums[0] + sums[2]) + rounded(sums[1] + sums[3])) * steps * steps);
    }
    return total;
  };
  const wins = errorOf(searched, Math.ceil) * (1 + 2 ** -14) < errorOf(maximum, Math.floor);
  return wins ? searched : maximum;
}
