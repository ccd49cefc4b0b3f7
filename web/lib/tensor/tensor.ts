import type { Dtype } from "./dtypes.js";

/** What is known of a tensor before its data are read. */
export interface TensorInfo {
  /** The name of the tensor in the model. */
  readonly name: string;
  /** The type of its elements. */
  readonly dtype: Dtype;
  /** The dimensions, row-major. */
  readonly shape: readonly number[];
  /** The size of the data in bytes. They are row-major and little-endian. */
  readonly byteLength: number;
}

/** A node of an .onnx model that uses a tensor. */
export interface UsingNode {
  /** The name of the node; that of its first output where it has none. */
  readonly name: string;
  /** The operator, after its domain where that is not ONNX's own. */
  readonly operator: string;
  /**
   * The index, among the nodes that use the tensor, of the one that moves it to this node, such as a Transpose; undefined
   * where the node takes the tensor itself.
   */
  readonly after: number | undefined;
  /** What else it takes. */
  readonly inputs: readonly UsedBeside[];
  /** The operators that take its outputs, each once. */
  readonly next: readonly string[];
  /** Whether an output of it is one of the graph. */
  readonly isLast: boolean;
}

/** What a node takes beside a tensor. */
export interface UsedBeside {
  /** The name of the value. */
  readonly name: string;
  /** The operator that makes it; undefined for tensors and inputs of the model. */
  readonly operator: string | undefined;
}

/** A named tensor of a file, whose data are read when they are needed. */
export interface ModelTensor extends TensorInfo {
  /** The axis of the output channels of an .onnx model's weight, in the stored tensor. */
  readonly axis?: number | undefined;
  /** The operators that use it, each once. */
  readonly operators?: readonly string[] | undefined;
  /** The names of the nodes that use it. */
  readonly nodes?: readonly string[] | undefined;
  /** Finds the nodes of an .onnx model that use it, and those behind nodes that only move it. */
  usedBy?(): readonly UsingNode[];
  /** The reason why the nodes that use it do not allow it to be quantized. */
  readonly reason?: string | undefined;
  /**
   * Reads `length` bytes of the data from byte `offset` on, row-major and little-endian, into a buffer of their own.
   * @param spare memory of `length` bytes that is no longer used, which may be read into.
   */
  read(offset: number, length: number, spare?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>>;
}
