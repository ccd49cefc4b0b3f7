import type { Coding } from "./coding.js";
import type { Memory } from "./memory.js";
import { Places } from "./places.js";
import { columns, type Rows } from "./rows.js";
import type { IndexOptions, Metric } from "./types.js";

// A saved index, in numbers of 32 bits, little-endian:
//
//     "cwei" | version | checksum of the rest | bytes of the header | header: JSON, padded with spaces
//     bits of the places that are taken | codes | scales | factors | offsets: one after the other, of all places
//
// Each part is padded to a multiple of four bytes, and the header so that the codes begin at a multiple of 16.

const MAGIC = 0x69657763;
const VERSION = 1;
const START = 16;

/** The header of a saved index. */
interface Header {
  readonly options: IndexOptions;
  readonly end: number;
}

/** A saved index that was read. */
export interface SavedRows {
  readonly options: IndexOptions;
  readonly places: Places;
  /** The columns of the rows, one after the other. */
  readonly bytes: Uint8Array;
}

interface Saved {
  readonly coding: Coding;
  readonly metric: Metric;
  readonly places: Places;
  readonly rows: Rows;
  readonly memory: Memory;
}

/** {@link VectorIndex.save} */
export function saveIndex({ coding, metric, places, rows, memory }: Saved): ArrayBuffer {
  const { dimensions, precision, scaling, profile } = coding;
  const options = { dimensions, precision, scaling, metric, ...(profile && { profile }) };
  const { end } = places;
  const bits = places.bits();
  const bitBytes = wholeWords(bits.length);
  const text = JSON.stringify({ options, end } satisfies Header);
  // Engines copy shared bytes one by one, unless they begin at a multiple of eight.
  const padding = -(text.length + bitBytes) & 15;
  const header = new TextEncoder().encode(text + " ".repeat(padding));
  let at = START + header.length + bitBytes;
  const saved = new Uint8Array(at + end * bytesOfRow(rows));
  saved.set(header, START);
  saved.set(bits, START + header.length);
  for (const column of columns) {
    if (rows.bytes[column] === 0) continue;
    for (const { segment, count } of rows.segmentsOf(end)) {
      const part = memory.bytes(segment[column], count * rows.bytes[column]);
      saved.set(part, at);
      at += part.length;
    }
  }
  const words = new Uint32Array(saved.buffer);
  words.set([MAGIC, VERSION, 0, header.length]);
  words[2] = checksumOf(words);
  return saved.buffer;
}

/** Reads and checks a saved index, except for the sizes that follow from its options. */
export function readSaved(saved: ArrayBuffer | Uint8Array): SavedRows {
  if (!(saved instanceof ArrayBuffer || saved instanceof Uint8Array)) {
    throw new TypeError("saved must be the ArrayBuffer that save() gave, or a Uint8Array of it");
  }
  // Words that would not be aligned are copied; the slice of a Buffer of Node would not be a copy.
  const { buffer, byteOffset } = saved instanceof ArrayBuffer ? new Uint8Array(saved) : saved;
  const given = new Uint8Array(buffer, byteOffset, saved.byteLength);
  const bytes = byteOffset % 4 === 0 ? given : given.slice();
  if (bytes.length < START) throw damaged(0, `it has ${bytes.length} bytes; the least is ${START}`);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  if (words[0] !== MAGIC) throw damaged(0, "it does not begin as a saved index does");
  if (words[1] !== VERSION) {
    throw damaged(4, `it is of version ${words[1]}, and version ${VERSION} can be read: use a newer channelwise`);
  }
  if (words[2] !== checksumOf(words) || bytes.length % 4 !== 0) {
    throw damaged(8, "its checksum is wrong: it is damaged, and must be saved again");
  }
  const headerBytes = words[3] as number;
  const { options, end } = JSON.parse(new TextDecoder().decode(bytes.slice(START, START + headerBytes))) as Header;
  const bitBytes = Math.ceil(end / 8);
  const bitsAt = START + headerBytes;
  const places = new Places(end, bytes.slice(bitsAt, bitsAt + bitBytes));
  return { options, places, bytes: bytes.subarray(bitsAt + wholeWords(bitBytes)) };
}

/** Fills the rows of an empty index. Without a copy they stay where they were saved. */
export function restoreRows({ places: { end }, bytes }: SavedRows, rows: Rows, copy: boolean): void {
  if (bytes.length !== end * bytesOfRow(rows)) {
    throw damaged(START, `its rows have ${bytes.length} bytes; ${end} rows must have ${end * bytesOfRow(rows)}`);
  }
  rows.restore({ bytes, rows: end }, copy);
}

function damaged(offset: number, reason: string): RangeError {
  return new RangeError(`saved, byte ${offset}: ${reason}`);
}

function bytesOfRow(rows: Rows): number {
  return columns.reduce((sum, column) => sum + rows.bytes[column], 0);
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/** A checksum over the words after it: each word changes the state for all later ones. */
function checksumOf(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 3; i < words.length; i++) {
    hash = Math.imul(hash ^ (words[i] as number), 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
