// ONNX Runtime with one thread, as WebAssembly or native.

import * as web from "onnxruntime-web/wasm";
import { loadOnnxruntimeNode } from "../ocr/packages.mjs";

web.env.wasm.numThreads = 1;

/**
 * @param {boolean} native
 * @returns {Promise<{ InferenceSession: { create(model: Uint8Array): Promise<web.InferenceSession> }, Tensor: typeof web.Tensor }>}
 */
export async function loadRuntime(native) {
  const { InferenceSession, Tensor } = native ? await loadOnnxruntimeNode() : web;
  const create = (/** @type {Uint8Array} */ model) => InferenceSession.create(model, { intraOpNumThreads: 1 });
  return { InferenceSession: { create }, Tensor };
}
