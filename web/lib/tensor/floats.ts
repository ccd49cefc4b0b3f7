import type { FloatArray } from "../core/arguments.js";
import type { FloatDtype } from "./dtypes.js";

// Converts floats of 16 bits, since some JavaScript engines have no arrays of them.

/** Widens float16 to float32. This is exact, and NaNs keep their bits. */
export function widenFloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i];
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) {
      floats[i] = fraction * 2 ** -24; // zero or subnormal, which float32 holds as a normal number
      bits[i] |= sign;
    } else {
      const widened = exponent === 0x1f ? 0xff : exponent + (127 - 15);
      bits[i] = sign | (widened << 23) | (fraction << 13);
    }
  }
  return floats;
}

/** Widens bfloat16, the upper half of a float32. */
export function widenBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/** Rounds finite floats to half precision, half to even. Numbers that are too large become infinities. */
export function narrowTo(dtype: "float16" | "bfloat16", floats: FloatArray): Uint16Array<ArrayBuffer> {
  return dtype === "float16" ? narrowToFloat16(floats) : narrowToBfloat16(floats);
}

function narrowToFloat16(floats: FloatArray): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(floats).buffer);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) {
    // The exponent of the half. Subnormal numbers have that of the smallest normal ones.
    const exponent = Math.max(-14, ((bits[i] >>> 23) & 0xff) - 127);
    const units = roundHalfEven(Math.abs(floats[i]) * 2 ** (10 - exponent));
    // A carry out of the fraction correctly goes into the exponent.
    const magnitude = Math.min(0x7c00, (exponent + 14) * 0x400 + units);
    halves[i] = ((bits[i] >>> 16) & 0x8000) | magnitude;
  }
  return halves;
}

function narrowToBfloat16(floats: FloatArray): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(floats).buffer);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) halves[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16;
  return halves;
}

function roundHalfEven(value: number): number {
  return value + 2 ** 52 - 2 ** 52; // at 2^52 the last bit of a float64 is 1
}

/** The numbers in little-endian bytes of floats: float64 as they are, all others exactly as float32. */
export function floatsOf(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: FloatDtype,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  if (dtype === "float64") return new Float64Array(bytes.buffer);
  if (dtype === "float32") return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  return dtype === "float16" ? widenFloat16(halves) : widenBfloat16(halves);
}
