import { product } from "../matrix.js";
import type { ChannelOrder } from "../protocol.js";

/** The channels of a tensor: element (o, c, i) of outer x channels x inner belongs to channel c. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export function channelLayout(shape: readonly number[], axis: number): ChannelLayout {
  return { outer: product(shape.slice(0, axis)), channels: shape[axis], inner: product(shape.slice(axis + 1)) };
}

/** The values of one channel, in the order of the tensor. */
export function valuesOf<A extends Float32Array | Float64Array | Int8Array | Int16Array>(
  values: A,
  { outer, channels, inner }: ChannelLayout,
  channel: number,
): A {
  const run = (o: number) => {
    const start = (o * channels + channel) * inner;
    return values.subarray(start, start + inner);
  };
  if (outer === 1) return run(0) as A;
  const gathered = new (values.constructor as new (length: number) => A)(outer * inner);
  for (let o = 0; o < outer; o++) gathered.set(run(o), o * inner);
  return gathered;
}

/** The largest |weight| of every channel. */
export function channelRanges(weights: Float32Array | Float64Array, layout: ChannelLayout): Float64Array {
  const ranges = new Float64Array(layout.channels);
  forEachRun(layout, (channel, start, end) => {
    let range = ranges[channel];
    for (let i = start; i < end; i++) range = Math.max(range, Math.abs(weights[i]));
    ranges[channel] = range;
  });
  return ranges;
}

/** The SQNR of every channel in dB, for scales of any granularity; Infinity where there are no errors. */
export function channelSqnr(
  weights: Float32Array | Float64Array,
  dequantized: Float32Array | Float64Array,
  layout: ChannelLayout,
  ranges: Float64Array,
): Float64Array {
  const signal = new Float64Array(layout.channels);
  const noise = new Float64Array(layout.channels);
  forEachRun(layout, (channel, start, end) => {
    // In units of the channel's range, squares neither under- nor overflow.
    const unit = ranges[channel] || 1;
    let [signalSum, noiseSum] = [0, 0];
    for (let i = start; i < end; i++) {
      const weight = weights[i] / unit;
      const error = (weights[i] - dequantized[i]) / unit;
      signalSum += weight * weight;
      noiseSum += error * error;
    }
    signal[channel] += signalSum;
    noise[channel] += noiseSum;
  });
  return signal.map((sum, channel) => (noise[channel] === 0 ? Infinity : 10 * Math.log10(sum / noise[channel])));
}

/** Calls `visit` for every run of neighbouring elements of one channel. */
function forEachRun(
  { outer, channels, inner }: ChannelLayout,
  visit: (channel: number, start: number, end: number) => void,
) {
  let start = 0;
  for (let o = 0; o < outer; o++) {
    for (let channel = 0; channel < channels; channel++, start += inner) visit(channel, start, start + inner);
  }
}

/** The channels in order: by index, with the lowest SQNR first, or with the largest range first. */
export function inOrder(order: ChannelOrder, sqnr: Float64Array, ranges: ArrayLike<number>): Uint32Array {
  const places = Uint32Array.from(sqnr, (_, place) => place);
  // Infinity - Infinity is NaN, which leaves equals in their order.
  if (order === "worst") places.sort((a, b) => sqnr[a] - sqnr[b] || a - b);
  if (order === "range") places.sort((a, b) => ranges[b] - ranges[a] || a - b);
  return places;
}
