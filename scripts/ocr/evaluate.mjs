// Measures what quantization does to a model's answers, by running it in ONNX Runtime.

import { tasks } from "./tasks.mjs";

/**
 * ONNX Runtime of either kind, with the names of its packages' exports.
 * @typedef {Pick<typeof import("onnxruntime-common"), "InferenceSession" | "Tensor">} OnnxRuntime
 */

/**
 * The first output of a model for each input.
 * @param {OnnxRuntime} runtime
 * @param {Uint8Array<ArrayBuffer>} model
 * @param {readonly import("./tasks.mjs").Input[]} inputs
 */
export async function outputsOf({ InferenceSession, Tensor }, model, inputs) {
  // By default onnxruntime-node replaces DequantizeLinear and MatMul with a kernel that makes the activations int8 as well.
  const session = await InferenceSession.create(model, { graphOptimizationLevel: "basic" });
  const [inputName = ""] = session.inputNames;
  const [outputName = ""] = session.outputNames;
  const outputs = [];
  for (const { values, shape } of inputs) {
    const results = await session.run({ [inputName]: new Tensor("float32", values, shape) });
    outputs.push(/** @type {Float32Array} */ (results[outputName].data));
  }
  await session.release();
  return outputs;
}

/**
 * The figures of a model, by the way in which it is quantized; the float32 model is one of them.
 * @param {OnnxRuntime} runtime
 * @param {import("./packages.mjs").ModelName} model
 * @param {{ float32: Uint8Array<ArrayBuffer>, [variant: string]: Uint8Array<ArrayBuffer> }} files
 * @param {import("./pictures.mjs").Pictures} pictures
 * @param {string[]} characters
 */
export async function evaluate(runtime, model, files, pictures, characters) {
  const { inputs, judge } = tasks[model];
  const given = inputs(pictures);
  const expected = await outputsOf(runtime, files.float32, given);
  /** @type {Record<string, Record<string, number>>} */
  const figures = {};
  for (const [variant, bytes] of Object.entries(files)) {
    const outputs = variant === "float32" ? expected : await outputsOf(runtime, bytes, given);
    figures[variant] = judge(outputs, expected, characters);
  }
  return figures;
}
