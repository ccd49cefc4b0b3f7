/** Where an .onnx model is to run. */
export type OnnxTarget = "wasm" | "webgpu" | "native" | "portable";

/** The type of codes that an .onnx model computes with. */
export type OnnxWeightType = "int8" | "uint8";
