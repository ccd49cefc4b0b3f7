// The arithmetic written out once more, element by element, for any axis and any groups: the judge of where the library
// puts things and of every bit it puts there.

import type { Granularity } from "channelwise";
import type { Floats } from "./random.js";

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
  /** Largest |weight - dequantized| of each channel. */
  readonly maxErrors: Float64Array<ArrayBuffer>;
  /** The channel of each element. */
  readonly channelOf: (index: number) => number;
}

const product = (numbers: readonly number[]) => numbers.reduce((a, b) => a * b, 1);

/** Which scale belongs to an element, and the shape of all scales. */
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

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const above = x - below;
  if (above !== 0.5) return above < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The next float towards zero of a positive one, in the type of the array it is to go into. */
function nextBelow(x: number, type: Float32ArrayConstructor | Float64ArrayConstructor): number {
  const value = type.of(x);
  const bits = type === Float32Array ? new Uint32Array(value.buffer) : new BigUint64Array(value.buffer);
  bits[0]--;
  return value[0];
}

function scaleOf(largest: number, qmax: number, type: Float32ArrayConstructor | Float64ArrayConstructor): number {
  // A float32 quotient or product rounded first to float64 is the same: 53 bits are more than twice 24.
  const round = type === Float32Array ? Math.fround : (x: number) => x;
  const scale = round(largest / qmax);
  if (scale === 0) return 1;
  return round(qmax * scale) === Infinity ? nextBelow(scale, type) : scale;
}

/** Quantizes finite weights. */
export function reference(weights: Float32Array | Float64Array, layout: Layout, bits = 8): Reference {
  const type = weights instanceof Float32Array ? Float32Array : Float64Array;
  const round = type === Float32Array ? Math.fround : (x: number) => x;
  const qmin = -(2 ** (bits - 1));
  const qmax = 2 ** (bits - 1) - 1;
  const { scaleShape, channelOf } = channels(layout);

  const scales = new type(product(scaleShape));
  for (let i = 0; i < weights.length; i++) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel], Math.abs(weights[i]));
  }
  for (let c = 0; c < scales.length; c++) scales[c] = scaleOf(scales[c], qmax, type);

  const quantized = bits <= 8 ? new Int8Array(weights.length) : new Int16Array(weights.length);
  const dequantized = new type(weights.length);
  const maxErrors = new Float64Array(scales.length);
  for (let i = 0; i < weights.length; i++) {
    const channel = channelOf(i);
    const code = roundHalfToEven(round(weights[i] / scales[channel]));
    quantized[i] = Math.max(qmin, Math.min(qmax, code));
    dequantized[i] = quantized[i] * scales[channel];
    maxErrors[channel] = Math.max(maxErrors[channel], Math.abs(weights[i] - dequantized[i]));
  }
  return { scaleShape, scales, quantized, dequantized, maxErrors, channelOf };
}
