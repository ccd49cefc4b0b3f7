/** Bits of a code in words of 32 bits, least significant bits first, each code with 2^(bits - 1) added. */
export type PackedBits = 4 | 8;

/** Packs codes that fill whole words, in their own memory where they lie in it as words do. */
export function packWords(codes: Int8Array, bits: PackedBits): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset } = codes.byteOffset % 4 === 0 ? codes : codes.slice();
  const fours = new Int32Array(buffer as ArrayBuffer, byteOffset, codes.length / 4);
  if (bits === 4) packNibbles(fours);
  else flipSigns(fours);
  return new Uint32Array(buffer as ArrayBuffer, byteOffset, (codes.length * bits) / 32);
}

/** Adding 128 is changing the bit of the sign. */
function flipSigns(fours: Int32Array): void {
  for (let i = 0; i < fours.length; i++) fours[i] ^= 0x80808080;
}

/** Eight codes become a word, at or before their place. Adding 8 changes the upper bit of the four that are kept. */
function packNibbles(fours: Int32Array): void {
  for (let i = 0; i < fours.length; i += 2) {
    fours[i >> 1] = (joinNibbles(fours[i]) | (joinNibbles(fours[i + 1]) << 16)) ^ 0x88888888;
  }
}

/** The lower four bits of each byte, side by side in the lower 16. */
function joinNibbles(four: number): number {
  const nibbles = four & 0x0f0f0f0f;
  const pairs = nibbles | (nibbles >>> 4);
  return (pairs & 0xff) | ((pairs >>> 8) & 0xff00);
}
