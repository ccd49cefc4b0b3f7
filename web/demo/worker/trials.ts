/**
 * The scales that the rule "search" tries, after docs/arithmetic.md. The library tells its result alone; here they are
 * computed in float64 and not in its integers, which a picture does not show.
 */

/** With more bits, the scale is that of the rule "max". */
const MOST_BITS = 8;
/** The trials of each of two rounds. */
const TRIALS = 8;
/** The distance of the trials of the first round, and the reach and the distance of the second, in codes. */
const FIRST = 102 / 128;
const BEFORE = 45 / 128;
const SECOND = 13 / 128;
/** The distance of those with a zero point. */
const WITH_ZERO_POINT = 0.65;

export interface Trials {
  /** The |scales|, as parts of the scale of the largest |weight|; none where there is no search. */
  readonly trials: Float64Array;
  /** The least and the largest part that a picture of them has room for. */
  readonly from: number;
  readonly to: number;
}

export function trialsOf(weights: Float32Array | Float64Array, bits: number): Trials {
  const highest = 2 ** (bits - 1) - 1;
  let largest = 0;
  for (let i = 0; i < weights.length; i++) if (Math.abs(weights[i]) > Math.abs(largest)) largest = weights[i];
  // A trial is the code of the largest weight, which the search puts on the side of the least code.
  const partOf = (code: number) => highest / code;
  const first = Array.from({ length: TRIALS }, (_, j) => highest + FIRST * j);
  const [best] = first
    .map((code) => refitted(weights, -largest / code, highest))
    .reduce((best, each) => (each[1] > best[1] ? each : best));
  const centre = best === 0 ? highest : Math.abs(largest / best);
  const second = Array.from({ length: TRIALS }, (_, j) => centre - BEFORE + SECOND * j);
  const trials = Float64Array.from([...first, ...second], partOf).filter((part) => part > 0 && part < 4);
  return around(trials, bits);
}

/** With a zero point there is one round, of scales by which the range has from one code less to some more. */
export function trialsWithZeroPoint(bits: number): Trials {
  const most = 2 ** bits - 1;
  return around(
    Float64Array.from({ length: TRIALS }, (_, j) => most / (most - 1 + WITH_ZERO_POINT * j)),
    bits,
  );
}

function around(trials: Float64Array, bits: number): Trials {
  const least = trials.reduce((a, b) => Math.min(a, b), 1);
  const most = trials.reduce((a, b) => Math.max(a, b), 1);
  const span = most - least;
  const isSearched = bits <= MOST_BITS;
  return {
    trials: isSearched ? trials : new Float64Array(),
    from: least - 0.12 * span,
    to: Math.max(most + 0.12 * span, 1 + 0.4 * (1 - least)),
  };
}

/** The best scale for the codes of a scale, and how much of the weights' energy it saves. */
function refitted(weights: Float32Array | Float64Array, scale: number, highest: number): [number, number] {
  let [products, squares] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    const code = Math.max(-highest - 1, Math.min(highest, Math.round(weights[i] / scale)));
    products += weights[i] * code;
    squares += code * code;
  }
  return squares === 0 ? [0, 0] : [products / squares, products ** 2 / squares];
}
