import type { Lend } from "../io/lent-files.js";

/** Writes tensors into a file, a stretch of bytes at a time. */
export interface TensorWriter {
  /** The size of the file in bytes. */
  readonly byteLength: number;
  /** Writes everything that precedes the tensors. */
  begin(): Promise<void>;
  /** Writes bytes of a tensor from byte `offset` of its data on. Each byte comes once, in any order. */
  write(tensor: number, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Lends a tensor's data, so that workers can write them. */
  lender?(tensor: number): Lend | undefined;
  /** Writes everything that follows the tensors. */
  end(): Promise<void>;
}
