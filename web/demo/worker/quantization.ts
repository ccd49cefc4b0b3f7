import type { Channelwise } from "channelwise";
import { elementName, indicesOf } from "../matrix.js";
import type { Assessment, Cost, GranularityName, Settings, Summary } from "../protocol.js";
import { type ChannelLayout, channelLayout, channelRanges, channelSqnr } from "./channels.js";
import type { Tensor } from "./tensor.js";

/** Everything that the page can ask about one tensor with one choice of settings. */
export interface Quantization {
  readonly tensor: Tensor;
  readonly settings: Settings;
  readonly weights: Float32Array | Float64Array;
  readonly layout: ChannelLayout;
  readonly result: Quantized;
  /** Codes and scales with a scale for each channel, and with one for all. */
  readonly channel: Codes;
  readonly tensorwide: Codes;
  /** The largest |weight| of every channel. */
  readonly ranges: Float64Array;
  /** The SQNR of every channel with a scale for each, with one for all, and with groups if they are chosen. */
  readonly sqnr: { readonly channel: Float64Array; readonly tensor: Float64Array; readonly group?: Float64Array };
  readonly summary: Summary;
}

type Quantized = ReturnType<typeof quantizeBy>;
type Codes = Pick<Quantized, "quantized" | "scales"> & { zeroPoints?: Quantized["zeroPoints"] | undefined };

/**
 * Quantizes by the settings, and for comparison with a scale for each channel and with one scale for all.
 *
 * @param progress called before each stage; if it rejects, the work ends.
 */
export async function quantization(
  channelwise: Channelwise,
  tensor: Tensor,
  settings: Settings,
  progress: (stage: string) => Promise<void>,
): Promise<Quantization> {
  await progress("Quantizing per channel");
  const weights = weightsOf(tensor, settings);
  const layout = channelLayout(tensor.shape, settings.axis);
  const ranges = channelRanges(weights, layout);
  const perChannel = quantizeBy("channel", channelwise, weights, tensor.shape, settings);
  let result = perChannel;
  const channelSqnrs = perChannel.perChannel.sqnr;
  const assessments = [assess("channel", perChannel, channelSqnrs, tensor, settings)];

  await progress("Quantizing per tensor");
  const perTensor = quantizeBy("tensor", channelwise, weights, tensor.shape, settings);
  const tensorSqnrs = channelSqnr(weights, perTensor.dequantized, layout, ranges);
  if (settings.granularity === "tensor") result = perTensor;
  assessments.push(assess("tensor", perTensor, tensorSqnrs, tensor, settings));

  let groupSqnrs: Float64Array | undefined;
  if (settings.granularity === "group") {
    await progress("Quantizing in groups");
    result = quantizeBy("group", channelwise, weights, tensor.shape, settings);
    groupSqnrs = channelSqnr(weights, result.dequantized, layout, ranges);
    assessments.push(assess("group", result, groupSqnrs, tensor, settings));
  }

  return {
    tensor,
    settings,
    weights,
    layout,
    result,
    channel: codesOf(perChannel),
    tensorwide: codesOf(perTensor),
    ranges,
    sqnr: { channel: channelSqnrs, tensor: tensorSqnrs, ...(groupSqnrs && { group: groupSqnrs }) },
    summary: {
      shape: tensor.shape,
      arithmetic: weights instanceof Float64Array ? "float64" : "float32",
      weightBytes: weights.byteLength,
      settings,
      channels: layout.channels,
      channelNames: axisNames(tensor, settings.axis),
      assessments,
      limits: {
        weights: ranges.reduce((a, b) => Math.max(a, b)),
        quantized: 2 ** (settings.bits - 1),
        errors: result.maxError,
      },
      mostGained: mostGained(channelSqnrs, tensorSqnrs),
    },
  };
}

/** The errors and sizes of the integers with other settings; `spare` is overwritten. */
export function costOf(
  channelwise: Channelwise,
  { weights, tensor: { shape } }: Quantization,
  settings: Settings,
  spare: Int8Array | Int16Array,
): Cost {
  const result = channelwise.quantize(weights, { ...optionsFor(settings, shape), into: { quantized: spare } });
  return cost(result as Parameters<typeof cost>[0], settings);
}

function quantizeBy(
  granularity: GranularityName,
  channelwise: Channelwise,
  weights: Float32Array | Float64Array,
  shape: readonly number[],
  settings: Settings,
) {
  return channelwise.quantize(weights, {
    ...optionsFor({ ...settings, granularity }, shape),
    errors: "channel",
    dequantize: true,
  });
}

function optionsFor({ bits, rule, zeroPoints, granularity, axis, group, along }: Settings, shape: readonly number[]) {
  return {
    shape,
    bits,
    scales: rule,
    zeroPoints,
    ...(granularity === "channel" ? { axis } : {}),
    granularity: granularity === "group" ? { group, along } : granularity,
  };
}

function assess(
  granularity: GranularityName,
  result: Quantized,
  sqnrOfChannels: Float64Array,
  tensor: Tensor,
  settings: Settings,
): Assessment {
  const worst = sqnrOfChannels.reduce((lowest, sqnr, channel) => (sqnr < sqnrOfChannels[lowest] ? channel : lowest), 0);
  return {
    granularity,
    ...cost(result, settings),
    worst: { channel: channelName(tensor, settings.axis, worst), sqnr: sqnrOfChannels[worst] },
  };
}

function cost(result: Omit<Quantized, "dequantized" | "perChannel">, { bits }: Settings): Cost {
  const { mse, maxError, sqnr, scales, zeroPoints, quantized } = result;
  return {
    mse,
    maxError,
    sqnr,
    scales: scales.length,
    codeBytes: quantized.byteLength,
    packedBytes: Math.ceil((quantized.length * bits) / 8),
    scaleBytes: scales.byteLength + (zeroPoints?.byteLength ?? 0),
    packedScaleBytes: scales.byteLength + Math.ceil(((zeroPoints?.length ?? 0) * bits) / 8),
  };
}

function codesOf({ quantized, scales, zeroPoints }: Quantized): Codes {
  return { quantized, scales, zeroPoints };
}

/** The channel that gains most by a scale of its own. One that is exact either way gains nothing. */
function mostGained(own: Float64Array, shared: Float64Array): number {
  const gain = (channel: number) => (own[channel] === shared[channel] ? 0 : own[channel] - shared[channel]);
  return own.reduce((most, _, channel) => (gain(channel) > gain(most) ? channel : most), 0);
}

/** The weights in the type of the arithmetic. */
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

/** The names of the indices along an axis of a matrix, where it has any. */
export function axisNames({ shape, rowNames, columnNames }: Tensor, axis: number): readonly string[] | undefined {
  if (shape.length !== 2) return undefined;
  return axis === 0 ? rowNames : columnNames;
}

/** The name of a row or column, or its indices along the dimensions that it stands for. */
export function indexName(names: readonly string[] | undefined, shape: readonly number[], index: number): string {
  return names?.[index] ?? (indicesOf(index, shape).join(", ") || "0");
}

export function channelName(tensor: Tensor, axis: number, channel: number): string {
  return axisNames(tensor, axis)?.[channel] ?? `channel ${channel}`;
}
