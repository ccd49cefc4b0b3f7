import type { ModelTensor } from "./tensor.js";

/** A tensor that is stored as blocks, each with its scales and codes. */
export interface BlockTensor {
  /** The name of the weights. */
  readonly name: string;
  /** The shape of the weights. */
  readonly shape: readonly number[];
  /** The type of its blocks, such as Q4_K. */
  readonly blockType: string;
  /** The size of the blocks in bytes. */
  readonly byteLength: number;
  /** Reads `length` bytes of the blocks from byte `offset` on, as they lie in the file. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The weights as float32, which are decoded when they are read. */
  readonly floats: ModelTensor;
}
