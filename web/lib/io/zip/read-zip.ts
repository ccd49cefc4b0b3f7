import { FormatError } from "../../core/errors.js";
import { shownName } from "../../core/printable.js";
import type { ByteSource } from "../bytes.js";
import { partOf, readAhead } from "../sources.js";
import { checked, inflated, type Turn } from "./contents.js";
import { type DirectoryRecord, type Fail, readDirectory } from "./directory.js";

// Reads the part of the zip format that .npz files need, at any place and of any size (APPNOTE.TXT of PKWARE, 6.3.10).

/** A file inside an archive. */
export interface ZipEntry {
  readonly name: string;
  /** The inflated contents, or a sentence why they cannot be read. They should be read in order. */
  readonly contents: ByteSource | string;
}

const LOCAL_BYTES = 30;

/** Deflate makes at most this many bytes of one, so larger sizes are wrong. */
const MAX_INFLATION = 1032;

const STORED = 0;
const DEFLATED = 8;

/**
 * Reads the directory of an archive.
 *
 * @throws {FormatError} for a malformed archive.
 */
export async function readZip(source: ByteSource): Promise<ZipEntry[]> {
  const file = source.name;
  const fail: Fail = (offset, reason) => {
    throw new FormatError({ file, offset, reason });
  };
  const { start, records } = await readDirectory(source, fail);
  const names = new Set<string>();
  for (const { name, at } of records) {
    if (names.has(name)) fail(at, `the archive has "${shownName(name)}" twice`);
    names.add(name);
  }
  return locate(source, records, start, fail);
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
    if (record.isEncrypted) {
      entries.set(record, { name, contents: "it is encrypted" });
    } else if (method === STORED) {
      if (size !== packedSize) fail(at, `"${shownName(name)}" is stored in ${packedSize} bytes and has ${size}`);
      entries.set(record, { name, contents: checked(packed, record) });
    } else if (method === DEFLATED) {
      if (size > packedSize * MAX_INFLATION)
        fail(at, `"${shownName(name)}" has ${packedSize} bytes, too few for ${size}`);
      entries.set(record, { name, contents: inflated(packed, record, turn) });
    } else {
      const contents = `it is compressed by method ${method}; 0 (stored) and 8 (deflate) can be read`;
      entries.set(record, { name, contents });
    }
  }
  return records.map((record) => entries.get(record) as ZipEntry);
}
