import type { Dtype } from "./dtypes.js";

/** What is known of a tensor without reading its data. */
export interface TensorInfo {
  /** The name by which the model knows it. */
  readonly name: string;
  /** The type of its elements. */
  readonly dtype: Dtype;
  /** Dimensions, row-major. */
  readonly shape: readonly number[];
  /** Bytes of the data, which is row-major and little-endian. */
  readonly byteLength: number;
}

/** A named tensor of a file, whose data is read when it is asked for. */
export interface ModelTensor extends TensorInfo {
  /** The axis of the output channels of an .onnx model's weight, in the tensor as it is stored. */
  readonly axis?: number | undefined;
  /** The operators that take it, each once. */
  readonly operators?: readonly string[] | undefined;
  /** The names of the nodes that take it. */
  readonly nodes?: readonly string[] | undefined;
  /** Why it can in no way be quantized, where the nodes say so. */
  readonly reason?: string | undefined;
  /**
   * `length` bytes of the data from byte `offset` on, row-major and little-endian, in a buffer of their own.
   *
   * @param spare memory of `length` bytes that nobody uses any more, which may be read into.
   */
  read(offset: number, length: number, spare?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>>;
}
