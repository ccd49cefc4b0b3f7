import type { Channelwise, ScaleRule } from "channelwise";
import type { ScaleErrors, TriedScale } from "../protocol.js";
import type { Quantization } from "./quantization.js";
import { largestOf, type Sharing, sharingOf } from "./sharing.js";
import { trialsOf, trialsWithZeroPoint } from "./trials.js";

/** The most weights whose error is computed for every point of a curve. */
const MOST = 2 ** 15;
/** The points of a curve. */
const POINTS = 320;

/** There is a search for largest |weights| from its inverse to this. */
const MOST_SEARCHED = 2 ** 40;

/** The errors of the weights that share the scale of one of them, for the scales around the one of the largest. */
export function scaleErrorsOf(
  channelwise: Channelwise,
  { settings, tensor, weights }: Quantization,
  index: number,
): ScaleErrors {
  const { bits, rule, zeroPoints } = settings;
  const sharing = sharingOf(index, settings, tensor.shape);
  const largest = Math.abs(weights[largestOf(weights, sharing)]);
  // In units of a power of two, which change no bit, squares neither under- nor overflow.
  const unit = largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest));
  const shared = sharedBy(weights, sharing).map((weight) => weight / unit);
  const quantize = (scales: ScaleRule) =>
    channelwise.quantize(shared, { granularity: "tensor", bits, scales, zeroPoints });
  const byRule = (rule: ScaleRule): TriedScale => {
    const { scales, mse } = quantize(rule);
    return { scale: scales[0], mse };
  };
  const max = byRule("max");
  const zeroPoint = quantize("max").zeroPoints?.[0];
  const canSearch = largest >= 1 / MOST_SEARCHED && largest <= MOST_SEARCHED;
  const every = Math.ceil(shared.length / MOST);
  const some = shared.filter((_, i) => i % every === 0);
  const { trials, from, to } = zeroPoint === undefined ? trialsOf(some, bits) : trialsWithZeroPoint(bits);
  const parts = Float64Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1));
  const curve = (sign: 1 | -1) => parts.map((part) => errorWith(some, sign * part * max.scale, bits, zeroPoint));
  return {
    count: shared.length,
    every,
    zeroPoint,
    unit,
    max,
    search: canSearch ? byRule("search") : max,
    chosen: byRule(rule),
    parts,
    positive: curve(1),
    negative: curve(-1),
    trials,
  };
}

/** The weights that share a scale, one after the other. */
function sharedBy(weights: Float32Array | Float64Array, { start, runs, length, stride }: Sharing) {
  if (runs === 1) return weights.subarray(start, start + length);
  const shared = weights.slice(0, runs * length);
  for (let run = 0; run < runs; run++) {
    const from = start + run * stride;
    shared.set(weights.subarray(from, from + length), run * length);
  }
  return shared;
}

/** The mean squared error with a scale. Halves go up here, which no curve shows. */
function errorWith(weights: Float32Array | Float64Array, scale: number, bits: number, zeroPoint = 0): number {
  const lowest = -(2 ** (bits - 1)) - zeroPoint;
  const highest = 2 ** (bits - 1) - 1 - zeroPoint;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const code = Math.max(lowest, Math.min(highest, Math.round(weights[i] / scale)));
    sum += (weights[i] - code * scale) ** 2;
  }
  return sum / weights.length;
}
