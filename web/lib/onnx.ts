export { FormatError, NonFiniteError } from "./core/errors.js";
export { compareOnnx } from "./formats/onnx/compare.js";
export { type OnnxModel, type ReadOnnxOptions, readOnnx } from "./formats/onnx/model.js";
export { opsetChanges } from "./formats/onnx/opsets.js";
export {
  type OnnxChoice,
  type OnnxGranularity,
  type OnnxPlan,
  type OnnxRules,
  type OnnxSettings,
  type Pattern,
  planOnnx,
} from "./formats/onnx/plan.js";
export type { QuantizedWeight, UnreadableWeight } from "./formats/onnx/quantized.js";
export type { KeptTensor, Weight, WeightDtype } from "./formats/onnx/weights.js";
export { measureOnnx, onnxBytes, type WeightErrors, type WriteOnnxOptions, writeOnnx } from "./formats/onnx/write.js";
export type { ByteSink, ByteSource } from "./io/bytes.js";
export type { SourceInput } from "./io/sources.js";
export { StoppedError } from "./io/stopped-error.js";
export type { ComparedTensor, Comparison } from "./models/compare-models.js";
export type { Progress, RunOptions } from "./models/run.js";
export type { AnyChannelwise } from "./stream/runner.js";
