import { FormatError } from "../core/errors.js";
import { shownName } from "../core/printable.js";
import type { ByteSource } from "./bytes.js";
import { crc32 } from "./checksum.js";
import { partOf, readAhead } from "./sources.js";

// Reads the part of the zip format that .npz files need, at any place and of any size (APPNOTE.TXT of PKWARE, 6.3.10).

/** A file inside an archive. */
export interface ZipEntry {
  readonly name: string;
  /** The inflated contents. Deflated contents should be read in order, since going back starts again. */
  readonly contents: ByteSource;
}

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const END64_LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;

/**
 * Every entry is checked when an archive is opened. The limit allows two for each tensor of the largest header of
 * .safetensors.
 */
const MAX_ENTRIES = 600_000;

/** The limit of a header of .safetensors. */
const MAX_DIRECTORY_BYTES = 100_000_000;

/** Deflate makes at most this many bytes of one, so larger sizes are wrong. */
const MAX_INFLATION = 1032;

const STORED = 0;
const DEFLATED = 8;

/**
 * Reads the directory of an archive.
 *
 * @throws {FormatError} for a malformed archive, and for encrypted files and compressions other than deflate.
 */
export async function readZip(source: ByteSource): Promise<ZipEntry[]> {
  const file = source.name;
  const fail: Fail = (offset, reason) => {
    throw new FormatError({ file, offset, reason });
  };
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

  const names = new Set<string>();
  for (const { name, at } of records) {
    if (names.has(name)) fail(at, `the archive has "${shownName(name)}" twice`);
    names.add(name);
  }
  return locate(source, records, start, fail);
}

type Fail = (offset: number, reason: string) => never;

interface DirectoryRecord {
  readonly name: string;
  /** The place of the record. */
  readonly at: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly localHeader: number;
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
  if (flags & 1) fail(start + at, `"${shownName(name)}" is encrypted`);

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
  return { record: { name, at: start + at, method, crc, packedSize, size, localHeader }, length };
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

/** Finds the contents of all entries, and checks that they lie one after the other before the directory. */
async function locate(source: ByteSource, records: DirectoryRecord[], directoryStart: number, fail: Fail) {
  const entries = new Map<DirectoryRecord, ZipEntry>();
  const turn: Turn = { last: Promise.resolve() };
  const near = readAhead(source);
  let end = 0;
  for (const record of [...records].sort((a, b) => a.localHeader - b.localHeader)) {
    const { name, at, method, packedSize, size, localHeader } = record;
    if (localHeader < end) fail(at, `"${shownName(name)}" begins at byte ${localHeader}, inside another entry`);
    if (localHeader + LOCAL_BYTES > directoryStart) fail(at, `"${shownName(name)}" is out of bounds`);
    const local = new DataView((await near.read(localHeader, LOCAL_BYTES)).buffer);
    if (local.getUint32(0, true) !== 0x04034b50) fail(localHeader, `"${shownName(name)}" must begin here`);
    const dataStart = localHeader + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
    end = dataStart + packedSize;
    if (end > directoryStart) fail(at, `"${shownName(name)}" would end at byte ${end}, out of bounds`);

    const packed = partOf(near, dataStart, packedSize, `${source.name}/${name}`);
    if (method === STORED) {
      if (size !== packedSize) fail(at, `"${shownName(name)}" is stored in ${packedSize} bytes and has ${size}`);
      entries.set(record, { name, contents: checked(packed, record) });
    } else if (method === DEFLATED) {
      if (size > packedSize * MAX_INFLATION)
        fail(at, `"${shownName(name)}" has ${packedSize} bytes, too few for ${size}`);
      entries.set(record, { name, contents: inflated(packed, record, turn) });
    } else {
      fail(at, `"${shownName(name)}" is compressed by method ${method}; 0 (stored) and 8 (deflate) can be read`);
    }
  }
  return records.map((record) => entries.get(record) as ZipEntry);
}

const CHECKED_CHUNK_BYTES = 2 ** 22;

/**
 * Stored contents whose checksum is verified when the last byte is read. Bytes that came in order count already; only
 * the rest is read again. Workers cannot read them directly, since this thread would not see the bytes.
 */
function checked(packed: ByteSource, { crc }: DirectoryRecord): ByteSource {
  const { name, size } = packed;
  let position = 0;
  let checksum = 0;
  let last: Promise<unknown> = Promise.resolve();

  function see(bytes: Uint8Array) {
    checksum = crc32(bytes, checksum);
    position += bytes.length;
  }

  async function finish() {
    while (position < size) see(await packed.read(position, Math.min(CHECKED_CHUNK_BYTES, size - position)));
    if (checksum === crc) return;
    const reason = "the contents do not match the checksum in the archive: they are damaged";
    throw new FormatError({ file: name, offset: 0, reason });
  }

  return {
    name,
    size,
    read(offset, length, spare) {
      const reading = packed.read(offset, length, spare);
      reading.catch(() => {}); // reported to the reader in its turn
      const result = last.then(async () => {
        const bytes = await reading;
        if (offset <= position) see(bytes.subarray(position - offset));
        if (offset + length === size) await finish();
        return bytes;
      });
      last = result.catch(() => {});
      return result;
    },
  };
}

/** Holds the entry that is being inflated. There is one at a time: reading another one drops the state of the first. */
interface Turn {
  drop?: () => void;
  last: Promise<unknown>;
}

/** The contents of deflated bytes. They come in order, so reading an earlier place starts again. */
function inflated(packed: ByteSource, { size, crc }: DirectoryRecord, turn: Turn): ByteSource {
  const { name } = packed;
  let inflater: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let position = 0;
  let checksum = 0;
  /** The bytes that are inflated and not yet read. */
  let rest = new Uint8Array(0);
  const fail = (reason: string): never => {
    throw new FormatError({ file: name, offset: position, reason });
  };

  function drop() {
    inflater?.cancel().catch(() => undefined);
    inflater = undefined;
    position = checksum = 0;
    rest = new Uint8Array(0);
  }

  async function next(): Promise<void> {
    inflater ??= newInflater(packed);
    const { done, value } = await inflater.read().catch((error: Error) => fail(`cannot be inflated: ${error.message}`));
    if (done) fail(`the contents end here, and the archive says that they have ${size} bytes`);
    rest = value as Uint8Array<ArrayBuffer>;
    checksum = crc32(rest, checksum);
    if (position + rest.length < size) return;
    if (position + rest.length > size) fail(`the contents go on after ${size} bytes, where the archive says they end`);
    if (checksum !== crc) fail("the contents do not match the checksum in the archive");
  }

  async function read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (turn.drop !== drop) turn.drop?.();
    turn.drop = drop;
    if (offset < position) drop();
    const bytes = new Uint8Array(length);
    while (position < offset + length) {
      if (rest.length === 0) await next();
      const skipped = Math.min(rest.length, Math.max(0, offset - position));
      const wanted = rest.subarray(skipped, Math.min(rest.length, offset + length - position));
      bytes.set(wanted, Math.max(0, position + skipped - offset));
      position += skipped + wanted.length;
      rest = rest.subarray(skipped + wanted.length);
    }
    return bytes;
  }

  return {
    name,
    size,
    read(offset, length) {
      const result = turn.last.then(() => read(offset, length));
      turn.last = result.catch(() => undefined);
      return result;
    },
  };
}

const PACKED_CHUNK_BYTES = 2 ** 18;

function newInflater(packed: ByteSource): ReadableStreamDefaultReader<Uint8Array> {
  let at = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const length = Math.min(PACKED_CHUNK_BYTES, packed.size - at);
      if (length > 0) controller.enqueue(await packed.read(at, length));
      at += length;
      if (at === packed.size) controller.close();
    },
  });
  return stream.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
}
