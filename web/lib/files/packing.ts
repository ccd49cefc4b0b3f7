/**
 * Packs the codes of a matrix into words of 32 bits, least significant bits first, each code with 2^(bits - 1) added. Every
 * row begins a new word. Codes come in order, in stretches of any length.
 */
export class CodePacker {
  readonly #columns: number;
  readonly #bits: 4 | 8;
  #column = 0;
  /** The word that is not yet full, and its bits so far. */
  #word = 0;
  #filled = 0;

  constructor(columns: number, bits: 4 | 8) {
    this.#columns = columns;
    this.#bits = bits;
  }

  /** The words that are complete with these codes. */
  pack(codes: Int8Array): Uint32Array<ArrayBuffer> {
    const columns = this.#columns;
    const bits = this.#bits;
    const perWord = 32 / bits;
    if (this.#filled === 0 && columns % perWord === 0 && codes.length % perWord === 0) {
      this.#column = (this.#column + codes.length) % columns;
      return bits === 8 ? packBytes(codes) : packNibbles(codes);
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

/** Whole words of 8 bits a code: adding 128 is changing the sign's bit. */
function packBytes(codes: Int8Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(codes.slice().buffer as ArrayBuffer);
  for (let i = 0; i < words.length; i++) words[i] ^= 0x80808080;
  return words;
}

/** Whole words of 4 bits a code, from four codes at a time. */
function packNibbles(codes: Int8Array): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset } = codes.byteOffset % 4 === 0 ? codes : codes.slice();
  const fours = new Uint32Array(buffer, byteOffset, codes.length / 4);
  const words = new Uint32Array(codes.length / 8);
  for (let i = 0; i < words.length; i++) {
    // Adding 8 changes the upper bit of four, of which the others are kept.
    words[i] = 0x88888888 ^ (joinNibbles(fours[2 * i]) | (joinNibbles(fours[2 * i + 1]) << 16));
  }
  return words;
}

/** The lower four bits of each byte, side by side in the lower 16. */
function joinNibbles(four: number): number {
  const pairs = (four & 0x000f000f) | ((four & 0x0f000f00) >>> 4);
  return (pairs & 0xff) | ((pairs >>> 8) & 0xff00);
}

/** Where codes of a packed matrix lie: the words from `first` on, `count` of them, hold codes from `start` on. */
export function wordsOf(start: number, codes: number, columns: number, bits: 4 | 8): { first: number; count: number } {
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
  bits: 4 | 8,
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
