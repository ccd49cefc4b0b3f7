/** Bits of a code in words of 32 bits, least significant bits first, each code with 2^(bits - 1) added. */
export type PackedBits = 4 | 8;

/** Packs codes that fill whole words. */
export function packWords(codes: Int8Array, bits: PackedBits): Uint32Array<ArrayBuffer> {
  return bits === 8 ? packBytes(codes) : packNibbles(codes);
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
