/** Where an .onnx model is to run. */
export type OnnxTarget = "wasm" | "webgpu" | "native" | "portable";
