import { layOutSafetensors } from "../formats/safetensors/safetensors.js";
import type { ByteSink } from "../io/bytes.js";
import { type Lend, lenderOf, lendFrom } from "../io/lent-files.js";
import type { TensorInfo } from "../tensor/model.js";

/** Writes tensors into a file, a stretch of bytes at a time. */
export interface TensorWriter {
  /** Of the whole file. */
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

export function safetensorsWriter(
  sink: ByteSink,
  tensors: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>>,
): TensorWriter {
  const { header, offsets, byteLength } = layOutSafetensors(tensors, metadata);
  return {
    byteLength,
    begin: () => sink.write(0, header),
    write: (tensor, offset, bytes) => sink.write(offsets[tensor] + offset, bytes),
    lender: (tensor) => lendFrom(lenderOf(sink), offsets[tensor]),
    end: async () => {},
  };
}
