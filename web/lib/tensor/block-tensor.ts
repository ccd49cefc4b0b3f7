import type { ModelTensor } from "./tensor.js";

/** A tensor that is stored as blocks, each of which has its scales and codes. */
export interface BlockTensor {
  /** Of the weights that they stand for. */
  readonly name: string;
  /** Of the weights. */
  readonly shape: readonly number[];
  /** The type of its blocks, such as Q4_K. */
  readonly blockType: string;
  /** Of its blocks. */
  readonly byteLength: number;
  /** The weights as float32, which are decoded when they are read. */
  readonly floats: ModelTensor;
}
