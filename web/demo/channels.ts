/** The channels of a tensor: element (o, c, i) of outer x channels x inner belongs to channel c. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export function channelLayout(shape: readonly number[], axis: number): ChannelLayout {
  const product = (dimensions: readonly number[]) => dimensions.reduce((a, b) => a * b, 1);
  return { outer: product(shape.slice(0, axis)), channels: shape[axis], inner: product(shape.slice(axis + 1)) };
}

/** Largest |weight| of every channel. */
export function channelRanges(weights: Float32Array | Float64Array, layout: ChannelLayout): Float64Array {
  const ranges = new Float64Array(layout.channels);
  forEachRun(layout, (channel, start, end) => {
    let range = ranges[channel];
    for (let i = start; i < end; i++) range = Math.max(range, Math.abs(weights[i]));
    ranges[channel] = range;
  });
  return ranges;
}

/** SQNR of every channel in dB, however the scales lie; Infinity where nothing is lost. */
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

/** One number for each `size` neighbours; the last may stand for fewer. */
export function reduceEach(values: Float64Array, size: number, reduce: (a: number, b: number) => number): Float64Array {
  return Float64Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.subarray(i * size, (i + 1) * size).reduce((a, b) => reduce(a, b)),
  );
}
