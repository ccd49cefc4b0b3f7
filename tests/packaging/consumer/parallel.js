import { load } from "channelwise/parallel";
import { sampleRows } from "./quantize.js";

/**
 * The sample, quantized and dequantized by workers.
 * @param {import("channelwise/parallel").ParallelLoadOptions} [options]
 */
export async function quantizeInParallel(options = {}) {
  const channelwise = await load({ workers: 2, ...options });
  const result = await channelwise.quantize(sampleRows);
  const dequantized = await channelwise.dequantize(result);
  channelwise.close();
  return { quantized: [...result.quantized], scales: [...result.scales], dequantized: [...dequantized] };
}
