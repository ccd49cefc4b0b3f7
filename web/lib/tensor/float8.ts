import type { Dtype } from "./dtypes.js";

// Floats of 8 bits (OCP 8-bit Floating Point Specification, revision 1.0): a sign, and an exponent and a fraction of 4
// and 3 bits (e4m3fn: no infinities, and NaN where all of them are 1) or of 5 and 2 bits (e5m2: as in float16).

export type Float8Dtype = "float8_e4m3fn" | "float8_e5m2";

export function isFloat8(dtype: Dtype): dtype is Float8Dtype {
  return dtype === "float8_e4m3fn" || dtype === "float8_e5m2";
}

const fractionBits = { float8_e4m3fn: 3, float8_e5m2: 2 } as const;

const tables = new Map<Float8Dtype, Float32Array>();

/** Widens floats of 8 bits to float32, which is exact, as it is in float16. */
export function widenFloat8(dtype: Float8Dtype, codes: Uint8Array): Float32Array<ArrayBuffer> {
  const table = tables.get(dtype) ?? Float32Array.from({ length: 256 }, (_, code) => floatOf(dtype, code));
  tables.set(dtype, table);
  return Float32Array.from(codes, (code) => table[code]);
}

function floatOf(dtype: Float8Dtype, code: number): number {
  const bits = fractionBits[dtype];
  const sign = code & 0x80 ? -1 : 1;
  const magnitude = code & 0x7f;
  if (dtype === "float8_e4m3fn" && magnitude === 0x7f) return Number.NaN;
  if (dtype === "float8_e5m2" && magnitude >= 0x7c) return magnitude === 0x7c ? sign * Infinity : Number.NaN;
  const exponent = magnitude >> bits;
  const fraction = magnitude & ((1 << bits) - 1);
  const bias = 2 ** (6 - bits) - 1;
  const significand = exponent === 0 ? fraction : fraction + (1 << bits);
  return sign * significand * 2 ** (Math.max(1, exponent) - bias - bits);
}
