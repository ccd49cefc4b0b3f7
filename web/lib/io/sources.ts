import { shown } from "../core/arguments.js";
import { BlobStretches } from "./blob-stretches.js";
import type { ByteSource, OpenSource } from "./bytes.js";
import { lenderOf, lendFrom, lentBy } from "./lent-files.js";
import { openNodeFile } from "./node-files.js";

/** A source of bytes: a File or Blob, memory, in Node a path, or an object with `name`, `size` and `read`. */
export type SourceInput = Blob | ArrayBuffer | ArrayBufferView | ByteSource | string | URL;

/**
 * Opens bytes for reading at any place.
 *
 * @param name the name in messages for a source that has none.
 * @throws {TypeError} for anything but a `SourceInput`, and for paths outside of Node.
 */
export async function openSource(input: SourceInput, name = "the file"): Promise<OpenSource> {
  if (typeof input === "string" || input instanceof URL) return openNodeFile(input);
  // The test is for methods rather than instanceof, so that a Blob of another realm, such as a frame, passes.
  if (typeof (input as Blob | null)?.arrayBuffer === "function") return blobSource(input as Blob, name);
  if (ArrayBuffer.isView(input)) {
    return bytesSource(new Uint8Array(input.buffer, input.byteOffset, input.byteLength), name);
  }
  if (Object.prototype.toString.call(input) === "[object ArrayBuffer]") {
    return bytesSource(new Uint8Array(input as ArrayBuffer), name);
  }
  if (typeof (input as ByteSource | null)?.read === "function" && typeof (input as ByteSource).size === "number") {
    const source = input as ByteSource;
    return {
      name: source.name,
      size: source.size,
      read: (o, l, spare) => source.read(o, l, spare),
      close: nothingToClose,
    };
  }
  throw new TypeError(`a file must be a Blob, bytes, a path (in Node) or a ByteSource, not ${shown(input)}`);
}

async function nothingToClose() {}

function blobSource(blob: Blob, name: string): OpenSource {
  const stretches = new BlobStretches(blob);
  return {
    name: "name" in blob && typeof blob.name === "string" ? blob.name : name,
    size: blob.size,
    read: (offset, length, spare) => stretches.read(offset, length, spare),
    close: () => stretches.close(),
  };
}

function bytesSource(bytes: Uint8Array, name: string): OpenSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
    close: nothingToClose,
  };
}

/** A part of a source, as a source. */
export function partOf(source: ByteSource, offset: number, size: number, name = source.name): ByteSource {
  const part = {
    name,
    size,
    read: (at, length, spare) => source.read(offset + at, length, spare),
  } satisfies ByteSource;
  return lentBy(part, lendFrom(lenderOf(source), offset));
}

const WINDOW_BYTES = 2 ** 16;

/** A source that reads more than asked for and answers later small reads from that: headers lie close together. */
export function readAhead(source: ByteSource): ByteSource {
  let window = { start: 0, bytes: new Uint8Array() };
  return {
    name: source.name,
    size: source.size,
    async read(offset, length, spare) {
      if (length > WINDOW_BYTES / 16) return source.read(offset, length, spare);
      let { start, bytes } = window;
      if (offset < start || offset + length > start + bytes.length) {
        start = offset;
        bytes = await source.read(start, Math.min(WINDOW_BYTES, source.size - start));
        window = { start, bytes };
      }
      return bytes.slice(offset - start, offset - start + length);
    },
  };
}

/** Several sources, one after the other, as one source. */
export function joined(sources: readonly ByteSource[], name: string): ByteSource {
  const starts: number[] = [];
  let size = 0;
  for (const source of sources) {
    starts.push(size);
    size += source.size;
  }
  return {
    name,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      for (const [i, source] of sources.entries()) {
        const from = Math.max(offset, starts[i]);
        const to = Math.min(offset + length, starts[i] + source.size);
        if (from < to) bytes.set(await source.read(from - starts[i], to - from), from - offset);
      }
      return bytes;
    },
  };
}
