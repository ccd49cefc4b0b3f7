// The checksum of zip files: the remainder of the bytes, taken as a polynomial over two elements, by that of degree 32.

const POLYNOMIAL = 0xedb88320;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ POLYNOMIAL : byte >>> 1;
  return byte;
});

/** Goes on with a checksum; 0 begins one. */
export function crc32(bytes: Uint8Array, checksum = 0): number {
  let rest = ~checksum;
  for (let i = 0; i < bytes.length; i++) rest = (rest >>> 8) ^ table[(rest ^ bytes[i]) & 0xff];
  return ~rest >>> 0;
}

/** The checksum of two stretches of bytes one after the other, from theirs. */
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

/** x to the power of 8 * bytes: what that many bytes of zeros do. */
function power(bytes: number): number {
  let result = 0x80000000; // 1
  let square = 0x00800000; // x^8
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = times(result, square);
    square = times(square, square);
  }
  return result;
}
