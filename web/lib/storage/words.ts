import { type PackedBits, packWords } from "./pack-words.js";

/**
 * Packs the codes of a matrix into words of 32 bits, least significant bits first, each code with 2^(bits - 1) added. Every
 * row begins a new word. Codes come in order, in stretches of any length.
 */
export class CodePacker {
  readonly #columns: number;
  readonly #bits: PackedBits;
  #column = 0;
  /** The word that is not yet full, and its bits so far. */
  #word = 0;
  #filled = 0;

  constructor(columns: number, bits: PackedBits) {
    this.#columns = columns;
    this.#bits = bits;
  }

  /** The words that are complete with these codes, whose memory they may take. */
  pack(codes: Int8Array): Uint32Array<ArrayBuffer> {
    const columns = this.#columns;
    const bits = this.#bits;
    const perWord = 32 / bits;
    if (this.#filled === 0 && columns % perWord === 0 && codes.length % perWord === 0) {
      this.#column = (this.#column + codes.length) % columns;
      return packWords(codes, bits);
    }
    const offset = 2 ** (bits - 1);
    const words = new Uint32Array(this.#wordsAfter(codes.length));
    let column = this.#column;
    let word = this.#word;
    let filled = this.#filled;
    let count = 0;
    for (let i = 0; i < codes.length; i++) {
      word |= (codes[i] + offset) << filled;
      filled += bits;
      column++;
      if (filled === 32 || column === columns) {
        words[count++] = word;
        word = filled = 0;
        if (column === columns) column = 0;
      }
    }
    this.#column = column;
    this.#word = word;
    this.#filled = filled;
    return words;
  }

  /** How many words `count` more codes complete. */
  #wordsAfter(count: number): number {
    const perWord = 32 / this.#bits;
    const perRow = Math.ceil(this.#columns / perWord);
    const complete = (codes: number) => {
      const rows = Math.floor(codes / this.#columns);
      return rows * perRow + Math.floor((codes % this.#columns) / perWord);
    };
    return complete(this.#column + count) - Math.floor(this.#column / perWord);
  }
}

/** Where codes of a packed matrix lie: the words from `first` on, `count` of them, hold codes from `start` on. */
export function wordsOf(
  start: number,
  codes: number,
  columns: number,
  bits: PackedBits,
): { first: number; count: number } {
  const perWord = 32 / bits;
  const perRow = Math.ceil(columns / perWord);
  const wordOf = (code: number) => Math.floor(code / columns) * perRow + Math.floor((code % columns) / perWord);
  const first = wordOf(start);
  return { first, count: codes === 0 ? 0 : wordOf(start + codes - 1) - first + 1 };
}

/** Unpacks codes of a matrix, `count` of them from `start` on, from the words that hold them. */
export function unpackCodes(
  words: Uint32Array,
  start: number,
  count: number,
  columns: number,
  bits: PackedBits,
): Int8Array<ArrayBuffer> {
  const offset = 2 ** (bits - 1);
  const mask = 2 ** bits - 1;
  const codes = new Int8Array(count);
  let column = start % columns;
  let shift = (column * bits) % 32;
  let word = 0;
  for (let i = 0; i < count; i++) {
    codes[i] = ((words[word] >>> shift) & mask) - offset;
    shift += bits;
    if (++column === columns) column = 0;
    if (shift < 32 && column > 0) continue;
    word++;
    shift = 0;
  }
  return codes;
}
