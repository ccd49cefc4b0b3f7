import type { Channelwise, TotalErrors } from "../types.js";
import type { Choice } from "./plan.js";

/** Takes the results of one weight as they are made. */
export interface ResultSink {
  quantized(start: number, codes: Int8Array | Int16Array): Promise<void>;
  scales(start: number, scales: Float32Array): Promise<void>;
}

/** Quantizes a weight as it was chosen. */
export async function quantizeWeight(
  channelwise: Channelwise,
  { weight, shape, axis, bits, granularity }: Choice,
  sink?: ResultSink,
): Promise<TotalErrors> {
  const { data } = weight.place;
  const values = await data.read(0, data.length);
  const { quantized, scales, mse, maxError, sqnr } = channelwise.quantize(values, { shape, axis, bits, granularity });
  await sink?.quantized(0, quantized);
  await sink?.scales(0, scales);
  return { mse, maxError, sqnr };
}
