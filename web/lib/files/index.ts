export { FormatError, NonFiniteError } from "../errors.js";
export type { ByteSink, ByteSource } from "./bytes.js";
export {
  type Choice,
  type ChooseRules,
  type ChooseSettings,
  chooseTensors,
  type Decision,
  unmatchedPatterns,
} from "./choose.js";
export type { Layout } from "./dialects/dialect.js";
export type { DialectName } from "./dialects/index.js";
export type { Dtype } from "./dtypes.js";
export type { Model, ModelFormat, ModelTensor, TensorInfo } from "./model.js";
export { type FileSinkOptions, fileSink } from "./node-files.js";
export { type OpenOptions, openModel } from "./open-model.js";
export { outputBytes } from "./output.js";
export {
  type ModelSummary,
  type Progress,
  quantizeModel,
  type RunOptions,
  type TensorSummary,
} from "./quantize-model.js";
export { type BlobSink, blobSink, privateFileSink, streamSink } from "./sinks.js";
export { type OpenSource, openSource, type SourceInput } from "./sources.js";
export { StoppedError } from "./stopped-error.js";
export { parseMatrix, type TextMatrix } from "./text/parse-matrix.js";
export { TextError } from "./text/text-error.js";
