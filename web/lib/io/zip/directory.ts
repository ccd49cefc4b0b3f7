import type { ByteSource } from "../bytes.js";

// The directory of an archive, at its end: what lies where, checked before anything is read.

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const END64_LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const CENTRAL_BYTES = 46;

/**
 * Every entry is checked when an archive is opened. The limit allows two for each tensor of the largest header of
 * .safetensors.
 */
const MAX_ENTRIES = 600_000;

/** The limit of a header of .safetensors. */
const MAX_DIRECTORY_BYTES = 100_000_000;

/** Throws the error of a malformed archive. */
export type Fail = (offset: number, reason: string) => never;

/** A file of an archive, as the directory has it. */
export interface DirectoryRecord {
  readonly name: string;
  /** The place of the record. */
  readonly at: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly localHeader: number;
  readonly isEncrypted: boolean;
}

/** Reads all records, and tells where the directory begins. */
export async function readDirectory(source: ByteSource, fail: Fail) {
  const { start, size, count } = await findDirectory(source, fail);
  const directory = new DataView((await source.read(start, size)).buffer);
  const records: DirectoryRecord[] = [];
  for (let at = 0; records.length < count; ) {
    if (at + CENTRAL_BYTES > size || directory.getUint32(at, true) !== 0x02014b50) {
      fail(start + at, `entry ${records.length} of ${count} must be here: the archive's directory is damaged`);
    }
    const { record, length } = readRecord(directory, at, start, fail);
    records.push(record);
    at += length;
  }
  return { start, records };
}

async function findDirectory(source: ByteSource, fail: Fail) {
  const tailLength = Math.min(source.size, END_BYTES + MAX_COMMENT_BYTES + END64_LOCATOR_BYTES);
  const tailStart = source.size - tailLength;
  const tail = new DataView((await source.read(tailStart, tailLength)).buffer);
  let end = tailLength - END_BYTES;
  while (end >= 0 && !(tail.getUint32(end, true) === 0x06054b50 && endsAt(tail, end) === tailLength)) end--;
  if (end < 0)
    fail(source.size, "the archive's directory is missing at the end: this is not a .npz file, or it is cut short");

  let count = tail.getUint16(end + 10, true);
  let size = tail.getUint32(end + 12, true);
  let start = tail.getUint32(end + 16, true);
  const locator = end - END64_LOCATOR_BYTES;
  if (locator >= 0 && tail.getUint32(locator, true) === 0x07064b50) {
    const end64 = number(tail, locator + 8);
    if (end64 + END64_BYTES > tailStart + locator)
      fail(tailStart + locator, "the archive's directory is out of bounds");
    const view = new DataView((await source.read(end64, END64_BYTES)).buffer);
    if (view.getUint32(0, true) !== 0x06064b50) fail(end64, "the archive's directory must end here: it is damaged");
    count = number(view, 32);
    size = number(view, 40);
    start = number(view, 48);
  }
  if (start + size > tailStart + end) fail(tailStart + end, "the archive's directory is out of bounds");
  if (count > MAX_ENTRIES) fail(start, `the archive has ${count} entries; at most ${MAX_ENTRIES} are read`);
  if (size > MAX_DIRECTORY_BYTES) {
    fail(start, `the archive's directory takes ${size} bytes; at most ${MAX_DIRECTORY_BYTES} are read`);
  }
  return { start, size, count };
}

/** The place where the record of the archive's end, with its comment, would end. */
function endsAt(tail: DataView, end: number): number {
  return end + END_BYTES + tail.getUint16(end + 20, true);
}

/** A number of 64 bits. Where it exceeds the precision of a double, it is out of bounds anyway. */
function number(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function readRecord(directory: DataView, at: number, start: number, fail: Fail) {
  const flags = directory.getUint16(at + 8, true);
  const nameLength = directory.getUint16(at + 28, true);
  const extraLength = directory.getUint16(at + 30, true);
  const length = CENTRAL_BYTES + nameLength + extraLength + directory.getUint16(at + 32, true);
  if (at + length > directory.byteLength) fail(start + at, "the archive's directory ends inside this entry");
  const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + CENTRAL_BYTES, nameLength));

  // Numbers of more than 32 bits, and only these, are in an extra field of 64 bits each.
  const wide = wideNumbers(directory, at + CENTRAL_BYTES + nameLength, extraLength);
  const sizeOrWide = (place: number) => {
    const narrow = directory.getUint32(place, true);
    return narrow === 0xffffffff ? (wide.shift() ?? narrow) : narrow;
  };
  const size = sizeOrWide(at + 24);
  const packedSize = sizeOrWide(at + 20);
  const localHeader = sizeOrWide(at + 42);
  const method = directory.getUint16(at + 10, true);
  const crc = directory.getUint32(at + 16, true);
  const record = { name, at: start + at, method, crc, packedSize, size, localHeader, isEncrypted: (flags & 1) === 1 };
  return { record, length };
}

function wideNumbers(directory: DataView, at: number, length: number): number[] {
  const numbers: number[] = [];
  for (let field = at; field + 4 <= at + length; ) {
    const fieldEnd = field + 4 + directory.getUint16(field + 2, true);
    if (fieldEnd > at + length) break;
    if (directory.getUint16(field, true) === 1) {
      for (let place = field + 4; place + 8 <= fieldEnd; place += 8) numbers.push(number(directory, place));
    }
    field = fieldEnd;
  }
  return numbers;
}
