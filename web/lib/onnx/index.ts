export { FormatError, NonFiniteError } from "../errors.js";
export type { ByteSink, ByteSource } from "../files/bytes.js";
export { type OnnxModel, type ReadOnnxOptions, readOnnx } from "./model.js";
export {
  type Choice,
  type OnnxGranularity,
  type OnnxPlan,
  type OnnxPolicy,
  type Pattern,
  planOnnx,
  type WeightPolicy,
} from "./plan.js";
export type { ExternalResolver } from "./tensors.js";
export type { KeptTensor, Weight } from "./weights.js";
export { measureOnnx, type RunOptions, type WeightErrors, type WriteOnnxOptions, writeOnnx } from "./write.js";
