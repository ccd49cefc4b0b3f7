import { DBL_MAX, FLT_MAX, type Floats, newFloats } from "./random.js";
import { channels, type Layout, nextBelow, numbersOf, type Round, roundHalfToEven, roundTo } from "./reference.js";
import { type Choice, searchedScale } from "./search-reference.js";

// Zero points once more, from docs/arithmetic.md: for scales of the weights' own type.

/** What the law makes of weights, with scales of the range or by a search. */
export function zeroPointReference(weights: Floats, layout: Layout, bits: number, isSearched: boolean) {
  const { scaleShape, channelOf } = channels(layout);
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const round = roundTo(type);
  const choices = numbersOf(weights, layout).map((channel) => {
    const choice = ofRange(channel, bits, type);
    return isSearched ? { ...choice, scale: ofSearch(channel, bits, choice, round) } : choice;
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
    const code = Math.min(most, Math.max(least, roundHalfToEven(round(weight / scale))));
    quantized[i] = code + zeroPoint;
    dequantized[i] = round(code * scale) + 0;
  });
  return { scales, zeroPoints, quantized, dequantized, scaleShape };
}

function ofRange(
  weights: readonly number[],
  bits: number,
  type: "float32" | "float64",
): Choice & { readonly zeroPoint: number } {
  const round = roundTo(type);
  const maximum = type === "float32" ? FLT_MAX : DBL_MAX;
  const up = weights.reduce((a, b) => Math.max(a, b), 0);
  const down = weights.reduce((a, b) => Math.max(a, -b), 0);
  const [qmin, steps] = [-(2 ** (bits - 1)), 2 ** bits - 1];
  const width = round(up + down);
  const ofWidth = width === Infinity ? 2 * round(round(up / 2 + down / 2) / steps) : round(width / steps);
  let scale = ofWidth === 0 ? 1 : ofWidth;
  const largest = Math.max(up, down);
  const code = () => Math.min(steps, roundHalfToEven(round(largest / scale)));
  // The first scale below: of powers of two, less than 2^-60 of it.
  while (round(code() * scale) === Infinity) {
    // Where a code more was the reason, many scales do not do.
    const fitting = round(maximum / code());
    scale = Math.min(nextBelow(scale, type), fitting);
  }
  const zeroPoint = qmin + Math.min(roundHalfToEven(round(down / scale)), steps);
  return { scale, zeroPoint, least: qmin - zeroPoint, most: qmin + steps - zeroPoint };
}

function ofSearch(weights: readonly number[], bits: number, choice: Choice, round: Round): number {
  const f = Math.fround;
  const steps = 2 ** bits - 1;
  const size = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const unit = 128 * f(Math.min(f(f(size) / f(choice.scale)), steps) / steps);
  const sweep = [roundHalfToEven(f(unit * (steps - 1))), roundHalfToEven(f(unit * f(0.65)))] as const;
  return searchedScale(weights, bits, choice, round, 1, [() => sweep]);
}
