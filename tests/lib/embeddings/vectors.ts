import { floatsFrom, randomBits } from "../random.js";

/** What was made before: to make a million numbers takes a quarter of a second. */
const made = new Map<string, Float32Array<ArrayBuffer>>();

/** Vectors of nearly normal numbers, of length 1 with `isUnit`. They are the caller's own. */
export function normalVectors(count: number, dimensions: number, seed: number, isUnit = true) {
  const key = `${[count, dimensions, seed, isUnit]}`;
  const vectors = made.get(key) ?? makeVectors(count, dimensions, seed, isUnit);
  made.set(key, vectors);
  return vectors.slice();
}

function makeVectors(count: number, dimensions: number, seed: number, isUnit: boolean) {
  const next = randomBits(seed);
  // The sum of twelve uniform numbers (Irwin and Hall).
  const normal = () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += next() / 2 ** 32;
    return sum;
  };
  const vectors = floatsFrom("float32", count * dimensions, normal);
  if (!isUnit) return vectors;
  for (let at = 0; at < vectors.length; at += dimensions) {
    const row = vectors.subarray(at, at + dimensions);
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0)) || 1;
    row.forEach((x, d) => {
      row[d] = x / length;
    });
  }
  return vectors;
}

/** Float32 numbers as bytes in hexadecimal, little-endian, and back. */
export function toHex(array: ArrayBufferView): string {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function bytesFromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
