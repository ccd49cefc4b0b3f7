// The ways to quantize a model that are compared.

import { load } from "channelwise";
import { blobSink } from "channelwise/files";
import { planOnnx, readOnnx, writeOnnx } from "channelwise/onnx";

/** Every weight, whatever its size. */
const include = ["*"];

/** @type {Record<string, import("channelwise/onnx").OnnxRules>} */
export const variants = {
  "int8, per channel": { include },
  "int8, per tensor": { include, granularity: "tensor" },
  "4 bits, per channel": { include, bits: 4 },
  "4 bits, per tensor": { include, bits: 4, granularity: "tensor" },
  "4 bits, groups of 32": { include, bits: 4, granularity: { group: 32 } },
  "int8, MatMul 4 bits": { include, overrides: { "*MatMul*": { bits: 4, granularity: { group: 32 } } } },
};

/**
 * Quantizes a model in memory.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} model
 * @param {import("channelwise/onnx").OnnxRules} rules
 */
export async function quantizeModel({ name, bytes }, rules) {
  const plan = planOnnx(await readOnnx(bytes, { name }), rules);
  const sink = blobSink();
  const errors = await writeOnnx(await load(), plan, sink);
  return { plan, errors, bytes: new Uint8Array(await (await sink.blob()).arrayBuffer()) };
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
