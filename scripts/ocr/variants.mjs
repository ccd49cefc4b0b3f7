// The ways to quantize a model that are compared.

import { planOnnx, readOnnx, writeOnnx } from "channelwise/onnx";

/** @type {Record<string, import("channelwise/onnx").OnnxPolicy>} */
export const variants = {
  "int8, per channel": { minimumSize: 0 },
  "int8, per tensor": { minimumSize: 0, granularity: "tensor" },
  "4 bits, per channel": { minimumSize: 0, bits: 4 },
  "4 bits, per tensor": { minimumSize: 0, bits: 4, granularity: "tensor" },
  "4 bits, groups of 32": { minimumSize: 0, bits: 4, granularity: { group: 32 } },
  "int8, MatMul 4 bits": { minimumSize: 0, weights: { "*MatMul*": { bits: 4, granularity: { group: 32 } } } },
};

/**
 * Quantizes a model in memory.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} model
 * @param {import("channelwise/onnx").OnnxPolicy} policy
 */
export async function quantizeModel({ name, bytes }, policy) {
  const read = async (/** @type {number} */ at, /** @type {number} */ length) => bytes.slice(at, at + length);
  const plan = planOnnx(await readOnnx({ name, size: bytes.length, read }), policy);
  let written = new Uint8Array();
  const errors = await writeOnnx(plan, {
    async write(at, part) {
      const end = at + part.length;
      if (end > written.length) {
        const longer = new Uint8Array(end);
        longer.set(written);
        written = longer;
      }
      written.set(part, at);
    },
    async close() {},
    async abort() {},
  });
  return { plan, errors, bytes: written };
}

/**
 * 10 log10(sum of squared weights / sum of squared errors) over all weights, in dB.
 * @param {readonly import("channelwise/onnx").WeightErrors[]} errors
 */
export function totalSqnr(errors) {
  let [signal, noise] = [0, 0];
  for (const { choice, mse, sqnr } of errors) {
    const errorSum = mse * choice.weight.byteLength;
    noise += errorSum;
    signal += errorSum * 10 ** (sqnr / 10);
  }
  return 10 * Math.log10(signal / noise);
}
