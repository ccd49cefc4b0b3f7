import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../bytes.js";
import { crc32 } from "../checksum.js";
import type { DirectoryRecord } from "./directory.js";

// The contents of a file in an archive, stored or deflated, checked against its checksum.

const CHECKED_CHUNK_BYTES = 2 ** 22;

/**
 * Stored contents whose checksum is verified when the last byte is read. Bytes that came in order count already; only
 * the rest is read again. Workers cannot read them directly, since this thread would not see the bytes.
 */
export function checked(packed: ByteSource, { crc }: DirectoryRecord): ByteSource {
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
export interface Turn {
  drop?: () => void;
  last: Promise<unknown>;
}

/** The contents of deflated bytes. They come in order, so reading an earlier place starts again. */
export function inflated(packed: ByteSource, { size, crc }: DirectoryRecord, turn: Turn): ByteSource {
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
