export { FormatError, NonFiniteError } from "./core/errors.js";
export type { QuantizationConfig } from "./formats/safetensors/dialects/compressed-tensors.js";
export type { Layout } from "./formats/safetensors/dialects/dialect.js";
export type { DialectName } from "./formats/safetensors/dialects/index.js";
export { fairPart } from "./formats/safetensors/fair-part.js";
export { type JoinedShards, joinShards } from "./formats/safetensors/join-shards.js";
export { parseMatrix, type TextMatrix } from "./formats/text/parse-matrix.js";
export { TextError } from "./formats/text/text-error.js";
export type { ByteSink, ByteSource } from "./io/bytes.js";
export { type FileSinkOptions, fileSink } from "./io/node-files.js";
export { type BlobSink, blobSink, privateFileSink, streamSink } from "./io/sinks.js";
export { type OpenSource, openSource, type SourceInput } from "./io/sources.js";
export { StoppedError } from "./io/stopped-error.js";
export {
  type Choice,
  type ChooseOverride,
  type ChooseRules,
  type ChooseSettings,
  chooseTensor,
  chooseTensors,
  type Decision,
  joinedTensors,
  unmatchedPatterns,
} from "./models/choose.js";
export { type ComparedTensor, type Comparison, compareModels } from "./models/compare-models.js";
export { dequantizeModel } from "./models/dequantize-model.js";
export { type Inspection, inspectModel, type QuantizedTensor } from "./models/inspect-model.js";
export { type KeptFloats, keptFloats, kindOfReason } from "./models/kept-floats.js";
export { type OpenOptions, openModel } from "./models/open-model.js";
export { outputBytes, tensorBytes } from "./models/output.js";
export { type ModelSummary, quantizeModel, type TensorSummary } from "./models/quantize-model.js";
export type { Progress, RunOptions } from "./models/run.js";
export { warningsOf } from "./models/warnings.js";
export type { AnyChannelwise } from "./stream/runner.js";
export type { Dtype } from "./tensor/dtypes.js";
export type { Model, ModelFormat, ModelTensor, PassedOver, TensorInfo } from "./tensor/model.js";
export { readFloats } from "./tensor/read-floats.js";
