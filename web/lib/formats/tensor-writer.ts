import type { Lend } from "../io/lent-files.js";

/** Writes tensors into a file, a stretch of bytes at a time. */
export interface TensorWriter {
  /** Bytes of the whole file. */
  readonly byteLength: number;
  /** What stands before the tensors. */
  begin(): Promise<void>;
  /** Bytes of a tensor, from byte `offset` of its data on, each once and in any order. */
  write(tensor: number, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What lends a tensor's data for workers to write. */
  lender?(tensor: number): Lend | undefined;
  /** What stands after them. */
  end(): Promise<void>;
}
