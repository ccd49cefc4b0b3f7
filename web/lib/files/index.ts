export { FormatError, NonFiniteError } from "../errors.js";
export type { ByteSink, ByteSource } from "./bytes.js";
export type { Dtype } from "./dtypes.js";
export type { Model, ModelFormat, ModelTensor, TensorInfo } from "./model.js";
export { type FileSinkOptions, fileSink } from "./node-files.js";
export { type OpenOptions, openModel } from "./open-model.js";
export type { SourceInput } from "./sources.js";
export { parseMatrix, type TextMatrix } from "./text/parse-matrix.js";
export { TextError } from "./text/text-error.js";
