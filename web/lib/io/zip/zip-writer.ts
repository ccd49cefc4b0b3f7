import type { ByteSink } from "../bytes.js";
import { crc32, joinedCrc32 } from "../checksum.js";

/** A file to be put into an archive. */
export interface ZipFile {
  /** The path in the archive. */
  readonly name: string;
  /** The size in bytes. */
  readonly byteLength: number;
}

/** Writes the contents of an archive's files. */
export interface ZipWriter {
  /** The size of the archive in bytes. */
  readonly byteLength: number;
  /** Writes what comes before the contents of each file. */
  begin(): Promise<void>;
  /** Writes bytes of the file with this index, at an offset in it. */
  write(file: number, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Writes checksums and the directory, once all contents are written. It does not close the sink. */
  end(): Promise<void>;
}

/** The largest number of 32 bits. In a field, it refers to an extra field of 64 bits. */
const WIDE = 0xffffffff;

/** The version of the format that has the wide fields. */
const VERSION = 45;

/** Names are UTF-8. The checksum follows the contents, since it is known only when they are written. */
const FLAGS = 0x0808;

/** 1980-01-01, the first possible day: the same input gives the same bytes. */
const DATE = 0x0021;

/** Writes a .zip archive of stored files of any size. Their contents come in stretches, in any order. */
export function zipWriter(sink: ByteSink, files: readonly ZipFile[]): ZipWriter {
  const names = files.map(({ name }) => new TextEncoder().encode(name));
  const checksums = files.map(() => new Checksum());
  const starts: number[] = [];
  const contentsStarts: number[] = [];
  let position = 0;
  for (const [i, { byteLength }] of files.entries()) {
    starts.push(position);
    contentsStarts.push(position + localHeader(names[i], byteLength).length);
    position = contentsStarts[i] + byteLength + descriptor(byteLength, 0).length;
  }
  const directoryStart = position;

  function directory(): Uint8Array<ArrayBuffer> {
    const records = files.map(({ byteLength }, i) =>
      centralRecord(names[i], byteLength, checksums[i].value(), starts[i]),
    );
    const size = records.reduce((sum, { length }) => sum + length, 0);
    return concatenated([...records, endOfArchive(files.length, size, directoryStart)]);
  }

  return {
    byteLength: directoryStart + directory().length,
    async begin() {
      for (const [i, { byteLength }] of files.entries()) await sink.write(starts[i], localHeader(names[i], byteLength));
    },
    async write(file: number, offset: number, bytes: Uint8Array<ArrayBuffer>) {
      checksums[file].add(offset, bytes);
      await sink.write(contentsStarts[file] + offset, bytes);
    },
    async end() {
      for (const [i, { byteLength }] of files.entries()) {
        await sink.write(contentsStarts[i] + byteLength, descriptor(byteLength, checksums[i].value()));
      }
      await sink.write(directoryStart, directory());
    },
  };
}

/** The checksum of contents that come in any order. */
class Checksum {
  private readonly stretches: { start: number; end: number; crc: number }[] = [];

  add(start: number, bytes: Uint8Array) {
    const end = start + bytes.length;
    const last = this.stretches.at(-1);
    if (last?.end === start) Object.assign(last, { end, crc: crc32(bytes, last.crc) });
    else this.stretches.push({ start, end, crc: crc32(bytes) });
  }

  value(): number {
    this.stretches.sort((a, b) => a.start - b.start);
    return this.stretches.reduce((crc, { start, end, crc: next }) => joinedCrc32(crc, next, end - start), 0);
  }
}

/** Encodes the fields of a record, little-endian: [bytes, value]. */
function record(...fields: [bytes: 2 | 4 | 8, value: number][]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Encodes the numbers that need 64 bits as an extra field. */
function wideField(numbers: readonly number[]): Uint8Array {
  if (numbers.length === 0) return new Uint8Array();
  return concatenated([record([2, 1], [2, 8 * numbers.length]), ...numbers.map((number) => record([8, number]))]);
}

function localHeader(name: Uint8Array, byteLength: number): Uint8Array<ArrayBuffer> {
  // Sizes and checksum are in the descriptor after the contents. A wide field says that its sizes have 64 bits.
  const wide = byteLength >= WIDE;
  const extra = wideField(wide ? [0, 0] : []);
  const size = wide ? WIDE : 0;
  const fixed = record(
    [4, 0x04034b50],
    [2, VERSION],
    [2, FLAGS],
    [2, 0], // stored
    [2, 0],
    [2, DATE],
    [4, 0],
    [4, size],
    [4, size],
    [2, name.length],
    [2, extra.length],
  );
  return concatenated([fixed, name, extra]);
}

function descriptor(byteLength: number, crc: number): Uint8Array<ArrayBuffer> {
  const width = byteLength >= WIDE ? 8 : 4;
  return record([4, 0x08074b50], [4, crc], [width, byteLength], [width, byteLength]);
}

function centralRecord(name: Uint8Array, byteLength: number, crc: number, start: number): Uint8Array {
  const narrow = (number: number) => Math.min(number, WIDE);
  const extra = wideField([byteLength, byteLength, start].filter((number) => number >= WIDE));
  const fixed = record(
    [4, 0x02014b50],
    [2, VERSION],
    [2, VERSION],
    [2, FLAGS],
    [2, 0],
    [2, 0],
    [2, DATE],
    [4, crc],
    [4, narrow(byteLength)],
    [4, narrow(byteLength)],
    [2, name.length],
    [2, extra.length],
    [2, 0], // comment
    [2, 0], // disk
    [2, 0], // internal attributes
    [4, 0], // external attributes
    [4, narrow(start)],
  );
  return concatenated([fixed, name, extra]);
}

function endOfArchive(count: number, size: number, start: number): Uint8Array {
  const end = record(
    [4, 0x06054b50],
    [2, 0], // this disk
    [2, 0], // the directory's disk
    [2, Math.min(count, 0xffff)],
    [2, Math.min(count, 0xffff)],
    [4, Math.min(size, WIDE)],
    [4, Math.min(start, WIDE)],
    [2, 0], // comment
  );
  if (count < 0xffff && size < WIDE && start < WIDE) return end;
  const end64 = record(
    [4, 0x06064b50],
    [8, 44], // bytes after this field
    [2, VERSION],
    [2, VERSION],
    [4, 0],
    [4, 0],
    [8, count],
    [8, count],
    [8, size],
    [8, start],
  );
  const locator = record([4, 0x07064b50], [4, 0], [8, start + size], [4, 1]);
  return concatenated([end64, locator, end]);
}
