import type { CodeArray } from "../core/arguments.js";
import { bytesIn } from "../tensor/stored-scales.js";
import type { Storage } from "./storage.js";

/**
 * Codes as integers of 8 or 16 bits, little-endian.
 *
 * @param offset whether they are unsigned: code + 2^(bits - 1).
 */
export function integers(bits: 8 | 16, offset = false): Storage {
  const typed = (codes: CodeArray): CodeArray =>
    codes.BYTES_PER_ELEMENT * 8 === bits ? codes : Int16Array.from(codes);
  const flipped = (codes: CodeArray) => {
    // Adding 2^(bits - 1) only flips the sign bit.
    if (offset) for (let i = 0; i < codes.length; i++) codes[i] ^= 1 << (bits - 1);
    return codes;
  };
  return {
    bitOf: (code) => bits * code,
    pack: (_, __, codes) => bytesIn(flipped(typed(codes))),
    unpack: (_, __, ___, { buffer, byteOffset, byteLength }) =>
      flipped(
        bits === 8 ? new Int8Array(buffer, byteOffset, byteLength) : new Int16Array(buffer, byteOffset, byteLength / 2),
      ),
  };
}
