export type { FloatArray } from "./core/arguments.js";
export { FormatError, NonFiniteError } from "./core/errors.js";
export { printable, shownName } from "./core/printable.js";
export { type ScaleRule, scaleRules } from "./core/scale-rules.js";
export type { Scheme } from "./core/scheme.js";
export type { Decision, KeepDecision, QuantizeDecision, Way } from "./formats/decision.js";
export type { ConfigGroup, QuantizationConfig } from "./formats/dialects/compressed-tensors.js";
export type { DialectName } from "./formats/dialects/index.js";
export type { FormatName, Inspection, Model, PassedOver, Plan, Target, UnreadableTensor } from "./formats/format.js";
export {
  type BlockTypeName,
  blockTypes,
  type FileType,
  type FileTypeName,
  fileTypes,
} from "./formats/gguf/file-types.js";
export type { GgufKey, GgufValue, GgufValueType } from "./formats/gguf/keys.js";
export type { CustomArchitecture } from "./formats/image-models/architecture.js";
export { architectureNames } from "./formats/image-models/image-model.js";
export type { OnnxTarget, OnnxWeightType } from "./formats/onnx/target-name.js";
export { fairPart } from "./formats/safetensors/fair-part.js";
export { type JoinedShards, joinShards } from "./formats/safetensors/join-shards.js";
export { type MissingShards, missingShards } from "./formats/safetensors/shard-name.js";
export type { Settings, TargetOptions } from "./formats/settings.js";
export type { ByteSink, ByteSource, OpenSource } from "./io/bytes.js";
export { type FileSinkOptions, fileSink } from "./io/node-files.js";
export { notTheFile } from "./io/not-the-file.js";
export { removePartialFiles } from "./io/partial-files.js";
export { type BlobSink, blobSink, privateFileSink, streamSink } from "./io/sinks.js";
export { openSource, type SourceInput } from "./io/sources.js";
export { StoppedError } from "./io/stopped-error.js";
export { type ZipFile, type ZipWriter, zipWriter } from "./io/zip/zip-writer.js";
export { type ComparedTensor, type Comparison, compareModels } from "./models/compare.js";
export {
  type ComparedNode,
  type ComparedOutput,
  type ComputedErrors,
  type ComputedTensor,
  compareNodes,
  type NodeComparison,
  type RunModel,
} from "./models/compare-nodes.js";
export { type DequantizeOptions, dequantizeModel } from "./models/dequantize.js";
export { inspectModel, opsetChanges } from "./models/inspect.js";
export { type KeptNode, type KeptNodes, keepNodes, type OutputBound } from "./models/keep-nodes.js";
export { type KeptFloats, keptFloats, kindOfReason } from "./models/kept-floats.js";
export { type MeasuredDecision, type MeasuredWays, measureWays } from "./models/mix/measure-ways.js";
export { type Budget, type Mix, type Mixes, mixesOf } from "./models/mix/mixes.js";
export { type OpenOptions, openModel } from "./models/open.js";
export { type Override, planModel, planTensor, type Rules } from "./models/plan.js";
export {
  type ModelSummary,
  measureModel,
  outputBytes,
  quantizeModel,
  type TensorSummary,
  type WriteOptions,
} from "./models/quantize.js";
export type { Progress, RunOptions } from "./models/run.js";
export { type GgufFile, joinGguf, splitGguf } from "./models/split.js";
export type { BlockTensor } from "./tensor/block-tensor.js";
export type { Dtype, FloatDtype } from "./tensor/dtypes.js";
export type { CentredCodes, QuantizedTensor } from "./tensor/quantized-tensor.js";
export { readFloats } from "./tensor/read-floats.js";
export type { ModelTensor, TensorInfo, UsedBeside, UsingNode } from "./tensor/tensor.js";
export type { AnyChannelwise } from "./workers/runner-of.js";
