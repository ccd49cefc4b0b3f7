import { load } from "channelwise";

/** The first row has scale 1 and every kind of tie; the second is one that multiplying by 1/scale gets wrong. */
export const sampleRows = [
  Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -127),
  Float32Array.of(2.0521684, 1.6885953, -1.6885953, 0, 0, 0, 0, 0),
];

/** @returns {Promise<{ quantized: number[], scales: number[], dequantized: number[] }>} */
export async function quantizeSample() {
  const channelwise = await load();
  const { quantized, scales, dequantized } = channelwise.quantize(sampleRows, { dequantize: true });
  return { quantized: [...quantized], scales: [...scales], dequantized: [...dequantized] };
}
