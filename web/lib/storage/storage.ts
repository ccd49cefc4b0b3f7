import type { CodeArray } from "../core/arguments.js";
import type { Engine } from "../core/memory/buffers.js";

/** A way in which the codes of a tensor lie in bytes, in their order. */
export interface Storage {
  /**
   * The bit at which a code begins: after the code before it, and after the padding of that code's row. For the number
   * of codes it returns the total size in bits, rounded up to whole bytes.
   */
  bitOf(code: number): number;
  /**
   * Packs codes, the first of which has the index `start`, into the bytes from their first to their last bit. Bits of
   * other codes are 0. The result may share the memory of the codes.
   */
  pack(engine: Engine, start: number, codes: CodeArray): Uint8Array<ArrayBuffer>;
  /** Unpacks `count` codes from index `start` on from the bytes that hold them. The result may share their memory. */
  unpack(engine: Engine, start: number, count: number, bytes: Uint8Array<ArrayBuffer>): CodeArray;
}

/** The place of the bytes that hold `count` codes from index `start` on. */
export function placeOf(storage: Storage, start: number, count: number): { first: number; length: number } {
  const first = Math.floor(storage.bitOf(start) / 8);
  return { first, length: count === 0 ? 0 : Math.ceil(storage.bitOf(start + count) / 8) - first };
}

/** Stores codes that come in any stretches and order. Each byte is written once, when all its codes are there. */
export function codeWriter(
  engine: Engine,
  storage: Storage,
  write: (place: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): (start: number, codes: CodeArray) => Promise<void> {
  /** Bytes that still miss some codes. */
  const unfinished = new Map<number, { bits: number; missing: number }>();
  return async (start, codes) => {
    const [from, to] = [storage.bitOf(start), storage.bitOf(start + codes.length)];
    const { first, length } = placeOf(storage, start, codes.length);
    const bytes = storage.pack(engine, start, codes);
    const isWhole = async (byte: number) => {
      const given = Math.min(to, 8 * (byte + 1)) - Math.max(from, 8 * byte);
      if (given === 8) return true;
      const before = unfinished.get(byte) ?? { bits: 0, missing: 8 };
      const now = { bits: before.bits | (bytes[byte - first] as number), missing: before.missing - given };
      unfinished.set(byte, now);
      if (now.missing === 0) {
        unfinished.delete(byte);
        await write(byte, Uint8Array.of(now.bits));
      }
      return false;
    };
    const last = first + length - 1;
    const begin = (await isWhole(first)) ? first : first + 1;
    const end = last > first && !(await isWhole(last)) ? last : last + 1;
    if (begin < end) await write(begin, bytes.subarray(begin - first, end - first));
  };
}
