import type { Packing } from "../core/memory/packing.js";
import { rowsOfFields } from "./fields.js";
import type { Storage } from "./storage.js";

/** Codes in the words of compressed-tensors: 2^(bits - 1) is added, and each row begins with a new word of 32 bits. */
export function words(bits: 4 | 8, columns: number): Storage {
  return rowsOfFields(wordsPacking(bits), columns, 32 * Math.ceil((columns * bits) / 32));
}

/** The way codes lie in a word. */
export const wordsPacking = (bits: 4 | 8): Packing => ({ bits, offset: true });
