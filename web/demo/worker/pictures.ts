import { channelOf, elementName, indicesOf, matrixOf } from "../matrix.js";
import type { Bars, Cell, ChannelOrder, Distribution, Grid, Levels, Questions } from "../protocol.js";
import { inOrder, valuesOf } from "./channels.js";
import { axisNames, channelName, indexName, type Quantization } from "./quantization.js";
import { largestOf, rangeOf, sharingOf } from "./sharing.js";
import type { Tensor } from "./tensor.js";

/** The bins of a histogram: enough to show its form, few enough to be told apart on a phone. */
const BINS = 96;
/** The most bins for integers; with more bits, several integers share a bin. */
const MAX_CODE_BINS = 256;

/** The most rows or columns that leave room for their names. */
const MAX_NAMES = 128;

/**
 * Reduces a map to a grid of at most rows x columns. Every place has the value farthest from 0, so that no outlier is
 * lost. Weights can be shown before anything is quantized.
 */
export function gridOf(
  tensor: Tensor,
  quantization: Quantization | undefined,
  { map, axis, window, rows, columns }: Questions["map"]["given"],
): Grid {
  const { columns: width, rowShape, columnShape } = matrixOf(tensor.shape, axis);
  const [gridRows, gridColumns] = [Math.min(rows, window.rows), Math.min(columns, window.columns)];
  const ends = Uint32Array.from({ length: gridColumns }, (_, i) => Math.ceil(((i + 1) * window.columns) / gridColumns));
  const grid = new Float64Array(gridRows * gridColumns);
  // One type for all maps keeps the loop below fast.
  const line = new Float64Array(window.columns);
  for (let r = 0; r < window.rows; r++) {
    const start = (window.row + r) * width + window.column;
    const end = start + window.columns;
    if (map === "weights" || quantization === undefined) {
      line.set((quantization?.weights ?? tensor.values).subarray(start, end));
    } else {
      const { weights, result } = quantization;
      line.set((map === "errors" ? weights : result[map]).subarray(start, end));
      if (map === "errors") for (let i = 0; i < line.length; i++) line[i] -= result.dequantized[start + i];
    }
    let at = Math.floor((r * gridRows) / window.rows) * gridColumns;
    for (let i = 0, column = 0; column < gridColumns; column++, at++) {
      let farthest = grid[at];
      for (; i < ends[column]; i++) if (Math.abs(line[i]) > Math.abs(farthest)) farthest = line[i];
      grid[at] = farthest;
    }
  }
  return {
    window,
    rows: gridRows,
    columns: gridColumns,
    values: grid,
    rowNames: indexNames(axisNames(tensor, 0), rowShape, window.row, window.rows),
    columnNames: indexNames(axisNames(tensor, 1), columnShape, window.column, window.columns),
  };
}

/** The names of the rows or columns of a small window. */
function indexNames(names: readonly string[] | undefined, shape: readonly number[], first: number, count: number) {
  if (count > MAX_NAMES) return undefined;
  return Array.from({ length: count }, (_, i) => indexName(names, shape, first + i));
}

/** One weight with the result of every step of the formula. */
export function cellOf(quantization: Quantization, index: number): Cell {
  const { tensor, settings, weights, result } = quantization;
  const sharing = sharingOf(index, settings, tensor.shape);
  const largest = largestOf(weights, sharing);
  const channel = channelOf(index, tensor.shape, settings.axis);
  const [weight, scale, dequantized] = [weights[index], result.scales[sharing.scale], result.dequantized[index]];
  const quotient = weight / scale;
  return {
    index,
    name: placeName(tensor, index),
    channel,
    channelName: channelName(tensor, settings.axis, channel),
    weight,
    largest: { value: weights[largest], name: placeName(tensor, largest) },
    sharing: sharing.runs * sharing.length,
    scale,
    zeroPoint: result.zeroPoints?.[sharing.scale],
    range: rangeOf(weights, sharing),
    quotient: weights instanceof Float32Array ? Math.fround(quotient) : quotient,
    quantized: result.quantized[index],
    dequantized,
    error: weight - dequantized,
  };
}

/** The name of a place: "edges, w3" in a matrix with names, otherwise "[0, 3]". */
function placeName(tensor: Tensor, index: number): string {
  const [rowNames, columnNames] = [axisNames(tensor, 0), axisNames(tensor, 1)];
  if (rowNames === undefined && columnNames === undefined) return elementName(index, tensor.shape);
  const [row, column] = indicesOf(index, tensor.shape);
  return `${rowNames?.[row] ?? row}, ${columnNames?.[column] ?? column}`;
}

/** The range and the SQNR of all channels, several to a bar where there are too many. */
export function barsOf(quantization: Quantization, order: ChannelOrder, most: number): Bars {
  const { tensor, settings, ranges, sqnr } = quantization;
  const channels = ranges.length;
  const places = inOrder(order, sqnr[settings.granularity] as Float64Array, ranges);
  const channelsPerBar = Math.ceil(channels / most);
  const bars = Math.ceil(channels / channelsPerBar);
  const placesOf = (bar: number) => places.subarray(bar * channelsPerBar, (bar + 1) * channelsPerBar);
  const reduce = (values: Float64Array, reduction: (a: number, b: number) => number) =>
    Float64Array.from({ length: bars }, (_, bar) =>
      placesOf(bar).reduce((reduced, place) => reduction(reduced, values[place]), values[placesOf(bar)[0]]),
    );
  const names = axisNames(tensor, settings.axis);
  return {
    channels,
    channelsPerBar,
    names: Array.from({ length: bars }, (_, bar) => {
      if (channelsPerBar === 1) return names?.[places[bar]] ?? String(places[bar]);
      return order === "index" ? String(bar * channelsPerBar) : `${bar * channelsPerBar + 1}.`;
    }),
    first: Uint32Array.from({ length: bars }, (_, bar) => placesOf(bar)[0]),
    highest: reduce(ranges, Math.max),
    lowest: reduce(ranges, Math.min),
    channel: reduce(sqnr.channel, Math.min),
    tensor: reduce(sqnr.tensor, Math.min),
    group: sqnr.group && reduce(sqnr.group, Math.min),
  };
}

/** The number line of a channel, or of all weights, and the integers that they become. */
export function distributionOf(quantization: Quantization, channel: number | undefined): Distribution {
  const { tensor, settings, layout, ranges, sqnr, result } = quantization;
  const part = <A extends Float32Array | Float64Array | Int8Array | Int16Array>(values: A): A =>
    channel === undefined ? values : valuesOf(values, layout, channel);
  const weights = part(quantization.weights);
  const range = channel === undefined ? quantization.summary.limits.weights : ranges[channel];
  const codesPerBin = Math.max(1, 2 ** settings.bits / MAX_CODE_BINS);
  const counts = codeCounts(part(result.quantized), settings.bits);
  const used = ({ quantized }: { quantized: Int8Array | Int16Array }) =>
    codeCounts(part(quantized), settings.bits).reduce((different, count) => different + (count > 0 ? 1 : 0), 0);
  const shares = settings.granularity === "tensor" || (settings.granularity === "channel" && channel !== undefined);
  return {
    channel,
    name: channel === undefined ? "all weights" : channelName(tensor, settings.axis, channel),
    count: weights.length,
    range,
    bins: histogram(weights, range),
    levels: shares ? levelsOf(result, settings.granularity === "tensor" ? 0 : (channel as number)) : undefined,
    ownLevels: channel === undefined ? undefined : levelsOf(quantization.channel, channel),
    tensorLevels: levelsOf(quantization.tensorwide, 0),
    codes: Uint32Array.from({ length: counts.length / codesPerBin }, (_, bin) =>
      counts.subarray(bin * codesPerBin, (bin + 1) * codesPerBin).reduce((a, b) => a + b),
    ),
    codesPerBin,
    used: { chosen: used(result), own: used(quantization.channel), tensor: used(quantization.tensorwide) },
    sqnr: channel === undefined ? undefined : { own: sqnr.channel[channel], tensor: sqnr.tensor[channel] },
  };
}

function levelsOf({ scales, zeroPoints }: Quantization["channel"], place: number): Levels {
  return { scale: scales[place], zeroPoint: zeroPoints?.[place] ?? 0 };
}

function histogram(weights: Float32Array | Float64Array, range: number): Uint32Array {
  const bins = new Uint32Array(BINS);
  // Halves are used, because twice the range may exceed the type.
  const perBin = BINS / 2 / (range || 1);
  for (let i = 0; i < weights.length; i++) {
    bins[Math.min(BINS - 1, Math.max(0, Math.floor(weights[i] * perBin + BINS / 2)))]++;
  }
  return bins;
}

function codeCounts(codes: Int8Array | Int16Array, bits: number): Uint32Array {
  const counts = new Uint32Array(2 ** bits);
  const lowest = 2 ** (bits - 1);
  for (let i = 0; i < codes.length; i++) counts[codes[i] + lowest]++;
  return counts;
}
