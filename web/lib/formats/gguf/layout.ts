import type { ByteSink } from "../../io/bytes.js";
import { elementsOf } from "../../tensor/dtypes.js";
import { DEFAULT_ALIGNMENT } from "./header.js";
import type { GgufKey } from "./keys.js";
import { bytesOfType, type GgufType } from "./types.js";

/** A tensor to be written. */
export interface TensorToWrite {
  readonly name: string;
  readonly type: GgufType;
  /** The row-major shape. */
  readonly shape: readonly number[];
}

/** A GGUF to be written: its header, and where the data of each tensor lie. */
export interface Layout {
  readonly header: Uint8Array<ArrayBuffer>;
  /** The offset of each tensor's data in the file, in the order given. */
  readonly offsets: readonly number[];
  /** The offset of the end of each tensor's data. */
  readonly ends: readonly number[];
  /** The number of zeros that follow each tensor's data. */
  readonly padding: readonly number[];
  /** The size of the whole file in bytes. */
  readonly byteLength: number;
}

/** Lays out a GGUF of version 3. The data of tensors lie in the order given. */
export function layOut(
  keys: readonly GgufKey[],
  tensors: readonly TensorToWrite[],
  alignment = DEFAULT_ALIGNMENT,
): Layout {
  const encoder = new TextEncoder();
  const names = tensors.map(({ name }) => encoder.encode(name));
  const infoBytes = tensors.reduce((sum, { shape }, i) => sum + 8 + names[i].length + 4 + 8 * shape.length + 4 + 8, 0);
  const keyBytes = keys.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const padded = (length: number) => Math.ceil(length / alignment) * alignment;
  const header = new Uint8Array(padded(MAGIC.length + 4 + 8 + 8 + keyBytes + infoBytes));
  const view = new DataView(header.buffer);

  header.set(MAGIC);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, BigInt(tensors.length), true);
  view.setBigUint64(16, BigInt(keys.length), true);
  let at = 24;
  for (const { bytes } of keys) {
    header.set(bytes, at);
    at += bytes.length;
  }
  const offsets: number[] = [];
  const ends: number[] = [];
  const padding: number[] = [];
  let dataLength = 0;
  for (const [i, { shape, type }] of tensors.entries()) {
    view.setBigUint64(at, BigInt(names[i].length), true);
    header.set(names[i], at + 8);
    at += 8 + names[i].length;
    view.setUint32(at, shape.length, true);
    at += 4;
    for (const dimension of [...shape].reverse()) {
      view.setBigUint64(at, BigInt(dimension), true);
      at += 8;
    }
    view.setUint32(at, type.id, true);
    view.setBigUint64(at + 4, BigInt(dataLength), true);
    at += 12;
    const length = bytesOfType(type, elementsOf(shape));
    offsets.push(header.length + dataLength);
    ends.push(header.length + dataLength + length);
    padding.push(padded(length) - length);
    dataLength += padded(length);
  }
  return { header, offsets, ends, padding, byteLength: header.length + dataLength };
}

const MAGIC = new TextEncoder().encode("GGUF");
const VERSION = 3;

/** Writes the header, and the zeros after each tensor's data. */
export async function writeFrame(sink: ByteSink, { header, ends, padding }: Layout): Promise<void> {
  await sink.write(0, header);
  for (const [i, count] of padding.entries()) if (count > 0) await sink.write(ends[i], new Uint8Array(count));
}
