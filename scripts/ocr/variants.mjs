// The ways to quantize a model that are compared.

import { load } from "channelwise";
import { blobSink, openModel, opsetChanges, planModel, quantizeModel } from "channelwise/models";

/** Quantizes every weight, whatever its size, and leaves activations as they are. */
const weights = { include: ["*"], target: /** @type {const} */ ("portable") };

/** @type {Record<string, import("channelwise/models").Rules>} */
const variants = {
  "int8, per channel": weights,
  "int8, per channel, for wasm": { ...weights, target: "wasm" },
  "int8, per tensor": { ...weights, granularity: "tensor" },
  "4 bits, per channel": { ...weights, bits: 4 },
  "4 bits, per tensor": { ...weights, bits: 4, granularity: "tensor" },
  "4 bits, groups of 32": { ...weights, bits: 4, granularity: { group: 32 } },
  "4 bits, groups of 32, opset 21": { ...weights, bits: 4, granularity: { group: 32 }, opset: 21 },
  "int8, MatMul 4 bits": {
    ...weights,
    target: "webgpu",
    overrides: { "*MatMul*": { bits: 4, granularity: { group: 32 } } },
  },
};

/**
 * @typedef {object} Quantized
 * @property {string} variant
 * @property {import("channelwise/models").Plan} plan
 * @property {readonly import("channelwise/models").TensorSummary[]} tensors
 * @property {Uint8Array<ArrayBuffer>} bytes
 */

/**
 * A model in every variant, except for those whose opset cannot be raised as needed.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} model
 * @param {readonly string[]} [wanted] variants, if not all
 * @returns {Promise<Quantized[]>}
 */
export async function quantizeVariants({ name, bytes }, wanted = Object.keys(variants)) {
  const channelwise = await load();
  const model = await openModel(bytes, { name });
  const made = [];
  for (const variant of wanted) {
    const rules = variants[variant];
    if (opsetChanges(model, rules.opset ?? model.opset ?? 0).length > 0) continue;
    const plan = planModel(model, rules);
    const sink = blobSink();
    const { tensors } = await quantizeModel(channelwise, plan, sink);
    made.push({ variant, plan, tensors, bytes: new Uint8Array(await (await sink.blob()).arrayBuffer()) });
  }
  return made;
}

/**
 * 10 log10(sum of squared weights / sum of squared errors) over all weights, in dB.
 * @param {readonly import("channelwise/models").TensorSummary[]} tensors
 */
export function totalSqnr(tensors) {
  let [signal, noise] = [0, 0];
  for (const tensor of tensors) {
    if (!tensor.quantize) continue;
    const errorSum = tensor.mse * tensor.bytesBefore;
    noise += errorSum;
    signal += errorSum * 10 ** (tensor.sqnr / 10);
  }
  return 10 * Math.log10(signal / noise);
}
