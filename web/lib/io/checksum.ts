// The checksum of zip files: the remainder of the bytes, as a polynomial over GF(2), modulo the polynomial of degree 32
// below.

const POLYNOMIAL = 0xedb88320;

/** The remainders of a byte followed by 0 to 7 zero bytes, 256 for each number of zeros. */
const remainders = new Uint32Array(8 * 256);
for (let i = 0; i < remainders.length; i++) {
  let rest = i < 256 ? i : remainders[i - 256];
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  remainders[i] = rest;
}

/** Continues a checksum. A new one begins with 0. */
export function crc32(bytes: Uint8Array, checksum = 0): number {
  let rest = ~checksum;
  let i = 0;
  // Eight lookups do not wait for one another, which makes this ten times as fast.
  for (const end = bytes.length - 7; i < end; i += 8) {
    rest ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    rest =
      remainders[0x700 + (rest & 0xff)] ^
      remainders[0x600 + ((rest >>> 8) & 0xff)] ^
      remainders[0x500 + ((rest >>> 16) & 0xff)] ^
      remainders[0x400 + (rest >>> 24)] ^
      remainders[0x300 + bytes[i + 4]] ^
      remainders[0x200 + bytes[i + 5]] ^
      remainders[0x100 + bytes[i + 6]] ^
      remainders[bytes[i + 7]];
  }
  for (; i < bytes.length; i++) rest = (rest >>> 8) ^ remainders[(rest ^ bytes[i]) & 0xff];
  return ~rest >>> 0;
}

/** The checksum of two stretches, one after the other, from theirs. */
export function joinedCrc32(first: number, second: number, secondLength: number): number {
  return (times(first, power(secondLength)) ^ second) >>> 0;
}

/** The product of two polynomials; bit 31 is the coefficient of degree 0. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}

/** x to the power of 8 * bytes: the effect of that many zero bytes. */
function power(bytes: number): number {
  let result = 0x80000000; // 1
  let square = 0x00800000; // x^8
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = times(result, square);
    square = times(square, square);
  }
  return result;
}
