import { type CodeArray, checkBoolean, type FloatArray } from "../core/arguments.js";
import type { Extents } from "../core/memory/extents.js";
import type { Granularity } from "../core/types.js";

// Balanced rounding: docs/arithmetic.md says which codes move, and what that is good for.

/** The longest groups: all weights of one are looked at for each code that moves. */
export const MOST_BALANCED = 1024;

/** @throws {TypeError | RangeError} where errors cannot be balanced. */
export function checkBalance(value: unknown, granularity: Granularity | { readonly group: number }): boolean {
  checkBoolean("balance", value);
  if (!value) return false;
  if (typeof granularity !== "object") {
    throw new TypeError(`balance is for groups, and granularity is "${granularity}": give { group: 32 }, or so`);
  }
  if (granularity.group > MOST_BALANCED) {
    throw new RangeError(
      `balance is for groups of at most ${MOST_BALANCED} weights, and these have ${granularity.group}`,
    );
  }
  return true;
}

/** Quantized weights with whole groups, and where their values go. */
export interface Balanced {
  readonly weights: FloatArray;
  readonly quantized: CodeArray;
  readonly scales: FloatArray;
  readonly zeroPoints?: CodeArray | undefined;
  readonly extents: Extents;
  readonly bits: number;
}

/**
 * Moves codes until the errors of each group add up to at most half a scale.
 *
 * @param visit takes each weight, its error and its value, group by group
 */
export function balanceCodes(
  { weights, quantized, scales, zeroPoints, extents, bits }: Balanced,
  visit: (weight: number, error: number, value: number, place: number) => void,
): void {
  const { pieces, outer, channels, inner } = extents;
  const rounded = weights instanceof Float64Array ? (x: number) => x : Math.fround;
  const [qmin, qmax] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const places = new Uint32Array(outer * inner);
  const errors = new Float64Array(outer * inner);
  for (let group = 0; group < pieces * channels; group++) {
    const scale = scales[group];
    const zeroPoint = zeroPoints?.[group] ?? 0;
    const toValue = (code: number) => rounded((code - zeroPoint) * scale) + 0;
    const begin = (Math.floor(group / channels) * outer * channels + (group % channels)) * inner;
    let sum = 0;
    for (let o = 0, n = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++, n++) {
        const place = begin + o * channels * inner + i;
        places[n] = place;
        errors[n] = rounded(weights[place] - toValue(quantized[place]));
        sum += errors[n];
      }
    }
    const size = Math.abs(scale);
    while (Math.abs(sum) > size / 2) {
      const sign = Math.sign(sum);
      const step = sign * Math.sign(scale);
      let [largest, moved] = [0, -1];
      for (let n = 0; n < errors.length; n++) {
        if (!(errors[n] * sign > largest)) continue;
        const code = quantized[places[n]] + step;
        if (code < qmin || code > qmax || !Number.isFinite(toValue(code))) continue;
        [largest, moved] = [errors[n] * sign, n];
      }
      if (moved < 0) break;
      const place = places[moved];
      quantized[place] += step;
      errors[moved] = rounded(weights[place] - toValue(quantized[place]));
      sum -= sign * size;
    }
    for (let n = 0; n < errors.length; n++) {
      const place = places[n];
      visit(weights[place], errors[n], toValue(quantized[place]), place);
    }
  }
}
