export { FormatError, NonFiniteError } from "../errors.js";
export type { ByteSink, ByteSource } from "../files/bytes.js";
export type { ComparedTensor, Comparison } from "../files/compare-models.js";
export type { Progress, RunOptions } from "../files/run.js";
export type { SourceInput } from "../files/sources.js";
export { StoppedError } from "../files/stopped-error.js";
export type { AnyChannelwise } from "../runner.js";
export { compareOnnx } from "./compare.js";
export { type OnnxModel, type ReadOnnxOptions, readOnnx } from "./model.js";
export { opsetChanges } from "./opsets.js";
export {
  type OnnxChoice,
  type OnnxGranularity,
  type OnnxPlan,
  type OnnxRules,
  type OnnxSettings,
  type Pattern,
  planOnnx,
} from "./plan.js";
export type { QuantizedWeight, UnreadableWeight } from "./quantized.js";
export type { KeptTensor, Weight, WeightDtype } from "./weights.js";
export { measureOnnx, onnxBytes, type WeightErrors, type WriteOnnxOptions, writeOnnx } from "./write.js";
