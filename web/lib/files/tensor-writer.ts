import type { FilePlace } from "../file-rows.js";
import type { ByteSink } from "./bytes.js";
import { placeOf } from "./lent-files.js";
import type { TensorInfo } from "./model.js";
import { layOutSafetensors } from "./safetensors.js";

/** Writes tensors into a file, a stretch of bytes at a time. */
export interface TensorWriter {
  /** Of the whole file. */
  readonly byteLength: number;
  /** What stands before the tensors. */
  begin(): Promise<void>;
  /** Bytes of a tensor, from byte `offset` of its data on, each once and in any order. */
  write(tensor: number, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The place of a tensor's data, where workers may write. */
  place?(tensor: number): FilePlace | undefined;
  /** What stands after them. */
  end(): Promise<void>;
}

export function safetensorsWriter(
  sink: ByteSink,
  tensors: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>>,
): TensorWriter {
  const { header, offsets, byteLength } = layOutSafetensors(tensors, metadata);
  const file = placeOf(sink);
  return {
    byteLength,
    begin: () => sink.write(0, header),
    write: (tensor, offset, bytes) => sink.write(offsets[tensor] + offset, bytes),
    place: (tensor) => file && { ...file, position: file.position + offsets[tensor] },
    end: async () => {},
  };
}
