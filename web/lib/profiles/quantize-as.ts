import { checkBits, checkDimensions, checkNames, checkSize, kindOf, shown } from "../core/arguments.js";
import { NonFiniteError } from "../core/errors.js";
import { type Extents, extentsOf } from "../core/memory/extents.js";
import { checkSharing } from "../core/scheme.js";
import type { Bits, Granularity, GranularityOption, TotalErrors } from "../core/types.js";
import { type Profile, type ProfileName, profiles } from "./profiles.js";

/** Options of `quantizeAs`. Other names are refused. */
export interface QuantizeAsOptions {
  /** The dimensions of the weights, row-major. */
  readonly shape: readonly number[];
  /** The channel axis, negative from the end; 0 by default. It has no meaning per tensor or with groups. */
  readonly axis?: number;
  /** The weights that share a scale; "channel" by default. Not every tool has groups. */
  readonly granularity?: GranularityOption;
  /** The number of bits of a code, one of those that the profile has; its first by default. */
  readonly bits?: Bits | (number & {});
}

/** What `quantizeAs` makes of weights: `dequantize` takes it. */
export interface QuantizedAs extends TotalErrors {
  /** The name of the profile. */
  readonly profile: ProfileName;
  /** The codes, row-major, from -2^(bits-1) on; where the tool's are unsigned, they are these plus 2^(bits-1). */
  readonly quantized: Int8Array<ArrayBuffer>;
  /** One scale per channel (or group, or one for the tensor), in the order of the tensor. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** The zero point of each scale, counted as codes are, where the profile has zero points. */
  readonly zeroPoints?: Int8Array<ArrayBuffer>;
  /** The shape of the scales, as in the result of `quantize`. */
  readonly scaleShape: number[];
  /** The dimensions of the weights, row-major. */
  readonly shape: number[];
  /** The channel axis, counted from 0; undefined per tensor and with groups. */
  readonly axis: number | undefined;
  /** The granularity of the options, with `along` counted from 0. */
  readonly granularity: Granularity;
  /** The number of bits of a code. */
  readonly bits: Bits;
}

/**
 * Quantizes float32 weights as another tool does, bit for bit: `profiles` says how each computes. It serves to reproduce
 * and to compare what that tool writes; it runs in JavaScript, some ten times as long as `quantize`.
 *
 * @throws {TypeError | RangeError} for wrong arguments, and for bits and groups that the tool does not have.
 * @throws {NonFiniteError} for NaN or an infinity in the weights.
 */
export function quantizeAs(name: ProfileName, weights: Float32Array, options: QuantizeAsOptions): QuantizedAs {
  if (!Object.hasOwn(profiles, name)) {
    throw new TypeError(`profile must be one of ${Object.keys(profiles).join(", ")}, not ${shown(name)}`);
  }
  const profile: Profile = profiles[name];
  if (kindOf(weights) !== "Float32Array") {
    throw new TypeError(`weights must be a Float32Array, not ${shown(weights)}`);
  }
  checkNames("options", options, ["shape", "axis", "granularity", "bits"]);
  const shape = checkDimensions(options.shape);
  checkSize(shape, weights.length);
  const { axis, granularity } = checkSharing(options, shape);
  if (typeof granularity === "object" && !profile.groups) {
    throw new RangeError(`${name} has no groups; granularity must be "channel" or "tensor"`);
  }
  const bits = checkBits(options.bits ?? profile.bits[0]);
  if (!profile.bits.includes(bits)) {
    throw new RangeError(`bits is ${bits}; ${name} has codes of ${profile.bits.join(" or ")} bits`);
  }
  const { scaleShape, ...extents } = extentsOf(shape, axis, granularity);
  return {
    ...{ profile: name, scaleShape, shape, axis, granularity, bits },
    ...quantized(profile, weights, extents, bits),
  };
}

function quantized(profile: Profile, weights: Float32Array, extents: Extents, bits: Bits) {
  const scales = new Float32Array(extents.pieces * extents.channels);
  const zeroPoints = new Int8Array(scales.length);
  const codes = new Int8Array(weights.length);
  const [qmin, qmax] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const sums = { errors: 0, weights: 0, maxError: 0 };
  for (let channel = 0; channel < scales.length; channel++) {
    const places = placesOf(extents, channel);
    const { scale, zeroPoint } = profile.of(rangeOf(weights, places, channel), qmin, qmax);
    scales[channel] = scale;
    zeroPoints[channel] = zeroPoint;
    for (const i of places) {
      const weight = weights[i] as number;
      const code = profile.code.of(weight, scale, zeroPoint, qmin, qmax);
      codes[i] = code;
      const error = Math.abs(weight - Math.fround((code - zeroPoint) * scale));
      sums.errors += error * error;
      sums.weights += weight * weight;
      sums.maxError = Math.max(sums.maxError, error);
    }
  }
  return {
    quantized: codes,
    scales,
    ...(profile.zeroPoints && { zeroPoints }),
    mse: sums.errors / weights.length,
    maxError: sums.maxError,
    sqnr: sums.errors === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(sums.weights / sums.errors),
  };
}

/** Where the weights of a channel lie. */
function placesOf({ outer, channels, inner }: Extents, channel: number): number[] {
  const piece = Math.floor(channel / channels);
  const places: number[] = [];
  for (let o = 0; o < outer; o++) {
    const begin = ((piece * outer + o) * channels + (channel % channels)) * inner;
    for (let i = 0; i < inner; i++) places.push(begin + i);
  }
  return places;
}

function rangeOf(weights: Float32Array, places: readonly number[], channel: number) {
  let [least, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const i of places) {
    const weight = weights[i] as number;
    if (!Number.isFinite(weight)) throw new NonFiniteError(i, channel, weight);
    if (weight < least) least = weight;
    if (weight > largest) largest = weight;
  }
  return { least, largest };
}
