import type { Dtype } from "./dtypes.js";

/** What is known of a tensor without reading its data. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  /** Dimensions, row-major. */
  readonly shape: readonly number[];
  /** Of the data, row-major and little-endian. */
  readonly byteLength: number;
}

/** A named tensor of a file, whose data is read when it is asked for. */
export interface ModelTensor extends TensorInfo {
  /**
   * `length` bytes of the data from byte `offset` on, row-major and little-endian, in a buffer of their own.
   *
   * @param spare memory of `length` bytes that nobody uses any more, which may be read into.
   */
  read(offset: number, length: number, spare?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>>;
}

/** The file format that a model was read from. "text" is a matrix as .csv, .tsv or .json. */
export type ModelFormat = "safetensors" | "npy" | "npz" | "tfjs" | "text";

/** A part of a file, or a file that was given, which is no tensor that can be read, and why. */
export interface PassedOver {
  readonly name: string;
  readonly reason: string;
}

/** Named tensors, of one file or of several. */
export interface Model {
  readonly format: ModelFormat;
  /** Name of the file that was opened; of several, of the one that names the others. */
  readonly name: string;
  /** Names of all files that were opened, with their paths from the one that names them. */
  readonly files: readonly string[];
  /** What the header says besides the tensors: `__metadata__` of safetensors; empty in other formats. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their data. */
  readonly tensors: readonly ModelTensor[];
  /** What else is in the files, and will not be in what is written. */
  readonly passedOver?: readonly PassedOver[];
  /** Closes the files that `openModel` opened by their paths, when workers have done with them. */
  close(): Promise<void>;
}
