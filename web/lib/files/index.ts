export { FormatError, NonFiniteError } from "../errors.js";
export type { AnyChannelwise } from "../runner.js";
export type { ByteSink, ByteSource } from "./bytes.js";
export {
  type Choice,
  type ChooseOverride,
  type ChooseRules,
  type ChooseSettings,
  chooseTensors,
  type Decision,
  unmatchedPatterns,
} from "./choose.js";
export { type ComparedTensor, type Comparison, compareModels } from "./compare-models.js";
export { dequantizeModel } from "./dequantize-model.js";
export type { QuantizationConfig } from "./dialects/compressed-tensors.js";
export type { Layout } from "./dialects/dialect.js";
export type { DialectName } from "./dialects/index.js";
export type { Dtype } from "./dtypes.js";
export { type Inspection, inspectModel, type QuantizedTensor } from "./inspect-model.js";
export { type JoinedShards, joinShards } from "./join-shards.js";
export type { Model, ModelFormat, ModelTensor, TensorInfo } from "./model.js";
export { type FileSinkOptions, fileSink } from "./node-files.js";
export { type OpenOptions, openModel } from "./open-model.js";
export { outputBytes, tensorBytes } from "./output.js";
export { fairPart } from "./parts.js";
export { type ModelSummary, quantizeModel, type TensorSummary } from "./quantize-model.js";
export { readFloats } from "./read-floats.js";
export type { Progress, RunOptions } from "./run.js";
export { type BlobSink, blobSink, privateFileSink, streamSink } from "./sinks.js";
export { type OpenSource, openSource, type SourceInput } from "./sources.js";
export { StoppedError } from "./stopped-error.js";
export { parseMatrix, type TextMatrix } from "./text/parse-matrix.js";
export { TextError } from "./text/text-error.js";
