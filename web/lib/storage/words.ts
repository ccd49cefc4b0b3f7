import type { Packing } from "../core/memory/packing.js";
import { rowsOfFields } from "./fields.js";
import type { Storage } from "./storage.js";

/** Codes in the words of compressed-tensors: 2^(bits - 1) is added, and each row begins with a new word of 32 bits. */
export function words(bits: 4 | 8, columns: number): Storage {
  return rowsOfFields(wordsPacking(bits), columns, 32 * Math.ceil((columns * bits) / 32));
}

/** The way codes lie in a word. */
export const wordsPacking = (bits: 4 | 8): Packing => ({ bits, offset: true });

/** The shape of the words for the zero points of scales [rows, groups]: the rows of each column share words. */
export const zeroPointShape = ([rows, groups]: readonly number[], bits: 4 | 8): [number, number] => [
  Math.ceil(((rows as number) * bits) / 32),
  groups as number,
];

/** Puts zero points [rows, groups] into words, as codes are, but down the rows of each column. */
export function zeroPointWords(zeroPoints: Int8Array, groups: number, bits: 4 | 8): Int32Array<ArrayBuffer> {
  const words = new Int32Array(Math.ceil(((zeroPoints.length / groups) * bits) / 32) * groups);
  zeroPoints.forEach((zeroPoint, i) => {
    const { word, shift } = fieldOf(i, groups, bits);
    words[word] |= (zeroPoint + 2 ** (bits - 1)) << shift;
  });
  return words;
}

/** Takes `count` zero points out of words. */
export function zeroPointsOfWords(
  words: Int32Array,
  count: number,
  groups: number,
  bits: 4 | 8,
): Int8Array<ArrayBuffer> {
  return Int8Array.from({ length: count }, (_, i) => {
    const { word, shift } = fieldOf(i, groups, bits);
    return (((words[word] as number) >>> shift) & (2 ** bits - 1)) - 2 ** (bits - 1);
  });
}

/** The word and the lowest bit of a zero point. */
function fieldOf(place: number, groups: number, bits: 4 | 8): { word: number; shift: number } {
  const perWord = 32 / bits;
  const row = Math.floor(place / groups);
  return { word: Math.floor(row / perWord) * groups + (place % groups), shift: bits * (row % perWord) };
}
