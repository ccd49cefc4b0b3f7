import type { Channelwise } from "channelwise";
import { channelLayout, channelRanges, channelSqnr, reduceEach } from "./channels.js";
import type { Assessment, Bars, Settings, Summary } from "./protocol.js";
import type { Tensor } from "./tensor.js";

/** More bars than this are too thin to be told apart. */
const MAX_BARS = 128;

/** Everything the page can ask about one tensor with one choice of settings. */
export interface Quantization {
  tensor: Tensor;
  settings: Settings;
  weights: Float32Array | Float64Array;
  result: ReturnType<typeof quantizeBy>;
  /** SQNR of every channel with one scale for all. */
  perTensorSqnr: Float64Array;
  summary: Summary;
}

/** Quantizes as the settings say, and for comparison with a scale for each channel and with one scale for all. */
export function quantization(
  channelwise: Channelwise,
  tensor: Tensor,
  settings: Settings,
  progress: (stage: string) => void,
): Quantization {
  const weights = weightsOf(tensor, settings);
  const layout = channelLayout(tensor.shape, settings.axis);

  progress("Quantizing per channel");
  const ranges = channelRanges(weights, layout);
  const perChannel = quantizeBy("channel", channelwise, weights, tensor.shape, settings);
  const perChannelSqnr = perChannel.perChannel.sqnr;
  let chosen = perChannel;
  const assessments = [assess("channel", perChannel, perChannelSqnr, tensor, settings.axis)];

  progress("Quantizing per tensor");
  const perTensor = quantizeBy("tensor", channelwise, weights, tensor.shape, settings);
  const perTensorSqnr = channelSqnr(weights, perTensor.dequantized, layout, ranges);
  if (settings.granularity === "tensor") chosen = perTensor;
  assessments.push(assess("tensor", perTensor, perTensorSqnr, tensor, settings.axis));

  if (settings.granularity === "group") {
    progress("Quantizing in groups");
    chosen = quantizeBy("group", channelwise, weights, tensor.shape, settings);
    const sqnr = channelSqnr(weights, chosen.dequantized, layout, ranges);
    assessments.push(assess("group", chosen, sqnr, tensor, settings.axis));
  }

  const channelsPerBar = Math.ceil(layout.channels / MAX_BARS);
  const bars: Bars = {
    channels: layout.channels,
    channelsPerBar,
    names: channelsPerBar === 1 ? axisNames(tensor, settings.axis) : undefined,
    highest: reduceEach(ranges, channelsPerBar, Math.max),
    lowest: reduceEach(ranges, channelsPerBar, Math.min),
    perChannel: reduceEach(perChannelSqnr, channelsPerBar, Math.min),
    perTensor: reduceEach(perTensorSqnr, channelsPerBar, Math.min),
  };
  const summary: Summary = {
    shape: tensor.shape,
    arithmetic: weights instanceof Float64Array ? "float64" : "float32",
    weightBytes: weights.byteLength,
    settings,
    assessments,
    bars,
  };
  return { tensor, settings, weights, result: chosen, perTensorSqnr, summary };
}

function quantizeBy(
  granularity: Settings["granularity"],
  channelwise: Channelwise,
  weights: Float32Array | Float64Array,
  shape: readonly number[],
  { bits, axis, group, along }: Settings,
) {
  return channelwise.quantize(weights, {
    shape,
    bits,
    ...(granularity === "channel" ? { axis } : {}),
    granularity: granularity === "group" ? { group, along } : granularity,
    errors: "channel",
    dequantize: true,
  });
}

function assess(
  granularity: Settings["granularity"],
  result: ReturnType<typeof quantizeBy>,
  sqnrOfChannels: Float64Array,
  tensor: Tensor,
  axis: number,
): Assessment {
  const worst = sqnrOfChannels.reduce((lowest, sqnr, channel) => (sqnr < sqnrOfChannels[lowest] ? channel : lowest), 0);
  return {
    granularity,
    mse: result.mse,
    maxError: result.maxError,
    sqnr: result.sqnr,
    worst: { channel: axisNames(tensor, axis)?.[worst] ?? `channel ${worst}`, sqnr: sqnrOfChannels[worst] },
    scales: result.scales.length,
    codeBytes: result.quantized.byteLength,
    scaleBytes: result.scales.byteLength,
  };
}

/** The weights in the type they are computed in. */
function weightsOf({ values, stored, shape }: Tensor, { arithmetic }: Settings): Float32Array | Float64Array {
  if (stored !== undefined || arithmetic === "float64") return values;
  const weights = Float32Array.from(values);
  const overflow = weights.findIndex((weight) => !Number.isFinite(weight));
  if (overflow !== -1) {
    throw new RangeError(
      `Element ${elementName(overflow, shape)} is ${values[overflow]}, more than float32 can hold (3.4e38): ` +
        "compute in float64, or scale the weights down.",
    );
  }
  return weights;
}

/** Names of the indices along an axis of a matrix, where it has any. */
export function axisNames({ shape, rowNames, columnNames }: Tensor, axis: number): readonly string[] | undefined {
  if (shape.length !== 2) return undefined;
  return axis === 0 ? rowNames : columnNames;
}

/** The element's indices, e.g. "[3, 17]". */
export function elementName(index: number, shape: readonly number[]): string {
  return `[${indicesOf(index, shape).join(", ")}]`;
}

/** Position in a tensor of this shape, row-major. */
export function indicesOf(index: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  for (const dimension of [...shape].reverse()) {
    indices.unshift(index % dimension);
    index = Math.floor(index / dimension);
  }
  return indices;
}
