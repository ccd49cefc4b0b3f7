// The arithmetic written out again, element by element, for any axis and any groups. Places and bits of the library's
// results are compared with it.

import type { Granularity } from "channelwise";
import { infinityOf, nearestHalf, numberOf, roundToHalf } from "./half-numbers.js";
import { type Floats, type FloatType, newFloats } from "./random.js";

export interface Layout {
  readonly shape: readonly number[];
  readonly axis?: number;
  readonly granularity?: Granularity;
}

export interface Reference {
  readonly scaleShape: number[];
  readonly scales: Floats;
  readonly quantized: Int8Array<ArrayBuffer> | Int16Array<ArrayBuffer>;
  readonly dequantized: Floats;
  /** The largest |weight - dequantized| of each channel. */
  readonly maxErrors: Float64Array<ArrayBuffer>;
  /** The channel of each element. */
  readonly channelOf: (index: number) => number;
}

const product = (numbers: readonly number[]) => numbers.reduce((a, b) => a * b, 1);

/** The scale that each element has, and the shape of all scales. */
export function channels({ shape, axis = 0, granularity = "channel" }: Layout) {
  const fromStart = (dimension: number) => (dimension < 0 ? dimension + shape.length : dimension);
  if (granularity === "tensor") return { scaleShape: [], channelOf: () => 0 };
  if (granularity === "channel") {
    const place = fromStart(axis);
    const inner = product(shape.slice(place + 1));
    const count = shape[place];
    return { scaleShape: [count], channelOf: (index: number) => Math.floor(index / inner) % count };
  }
  const place = fromStart(granularity.along);
  const inner = product(shape.slice(place + 1));
  const count = shape[place];
  const groups = count / granularity.group;
  const scaleShape = shape.map((size, dimension) => (dimension === place ? groups : size));
  const channelOf = (index: number) => {
    const before = Math.floor(index / (inner * count));
    const along = Math.floor(index / inner) % count;
    return (before * groups + Math.floor(along / granularity.group)) * inner + (index % inner);
  };
  return { scaleShape, channelOf };
}

/** The numbers of each channel. */
export function numbersOf(weights: Floats, layout: Layout): number[][] {
  const { scaleShape, channelOf } = channels(layout);
  const all: number[][] = Array.from({ length: product(scaleShape) }, () => []);
  weights.forEach((weight, i) => {
    all[channelOf(i)].push(weight);
  });
  return all;
}

/** Rounds to the type of the weights. */
export type Round = (x: number) => number;

// Rounding a float32 quotient, product or sum to float64 first gives the same: 53 bits are more than twice 24.
export const roundTo = (type: FloatType): Round => (type === "float32" ? Math.fround : (x) => x);

export function roundHalfToEven(x: number): number {
  if (!Number.isFinite(x)) return x;
  const below = Math.floor(x);
  const above = x - below;
  if (above !== 0.5) return above < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The next number of a type towards zero of a positive one. */
export function nextBelow(x: number, type: FloatType): number {
  const value = type === "float32" ? Float32Array.of(x) : Float64Array.of(x);
  const bits = type === "float32" ? new Uint32Array(value.buffer) : new BigUint64Array(value.buffer);
  bits[0]--;
  return value[0];
}

function scaleOf(largest: number, qmax: number, type: FloatType): number {
  const round = roundTo(type);
  const scale = round(largest / qmax);
  if (scale === 0) return 1;
  return round(qmax * scale) === Infinity ? nextBelow(scale, type) : scale;
}

/** The types of stored scales. float32 and float64 scales of weights of their own type stay as they are. */
export type ScaleType = "float32" | "float64" | "float16" | "bfloat16";

/**
 * The stored scale: rounded to its type; 1 where that gives 0; otherwise the first one below for which the largest
 * weight does not become an infinity of the type.
 */
function storedScale(scale: number, largest: number, bits: number, scaleType: ScaleType, round: Round): number {
  if (scaleType === "float64") return scale;
  if (scaleType === "float32") return Math.fround(scale) || 1; // for weights that float32 holds
  const codeOf = (candidate: number) => Math.min(2 ** (bits - 1), roundHalfToEven(round(largest / candidate)));
  let half = Math.min(nearestHalf(scale, scaleType), infinityOf[scaleType] - 1);
  if (half === 0) return 1;
  const comesBack = () => roundToHalf(codeOf(numberOf(half, scaleType)) * numberOf(half, scaleType), scaleType);
  while (comesBack() === Number.POSITIVE_INFINITY) half--;
  return numberOf(half, scaleType);
}

/** Quantizes finite weights. */
export function reference(
  weights: Float32Array | Float64Array,
  layout: Layout,
  bits = 8,
  scaleType: ScaleType = weights instanceof Float32Array ? "float32" : "float64",
): Reference {
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const round = roundTo(type);
  const qmax = 2 ** (bits - 1) - 1;
  const { scaleShape, channelOf } = channels(layout);

  const scales = newFloats(type, product(scaleShape));
  for (let i = 0; i < weights.length; i++) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel], Math.abs(weights[i]));
  }
  for (let c = 0; c < scales.length; c++) {
    const largest = scales[c];
    scales[c] = storedScale(scaleOf(largest, qmax, type), largest, bits, scaleType, round);
  }
  return { scaleShape, channelOf, scales, ...quantizedBy(weights, scales, channelOf, bits) };
}

/** The codes of finite weights by any scales that are finite and not zero, and their dequantized values. */
export function quantizedBy(
  weights: Float32Array | Float64Array,
  scales: Floats,
  channelOf: (index: number) => number,
  bits: number,
) {
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const round = roundTo(type);
  const qmin = -(2 ** (bits - 1));
  const qmax = 2 ** (bits - 1) - 1;
  const quantized = bits <= 8 ? new Int8Array(weights.length) : new Int16Array(weights.length);
  const dequantized = newFloats(type, weights.length);
  const maxErrors = new Float64Array(scales.length);
  for (let i = 0; i < weights.length; i++) {
    const channel = channelOf(i);
    const code = roundHalfToEven(round(weights[i] / scales[channel]));
    quantized[i] = Math.max(qmin, Math.min(qmax, code));
    if (quantized[i] !== 0) dequantized[i] = quantized[i] * scales[channel]; // otherwise +0
    maxErrors[channel] = Math.max(maxErrors[channel], Math.abs(weights[i] - dequantized[i]));
  }
  return { quantized, dequantized, maxErrors };
}
