import type { FloatDtype } from "./dtypes.js";

// Floats of 16 bits are converted here, because not every JavaScript engine has arrays of them.

/** Every float16 is a float32 too, so this is exact; NaNs keep their bits. */
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

/** A bfloat16 is the upper half of a float32. */
export function widenBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/** Rounds finite floats to half precision, half to even; what is too large becomes an infinity. */
export function narrowTo(dtype: "float16" | "bfloat16", floats: Float32Array): Uint16Array<ArrayBuffer> {
  return dtype === "float16" ? narrowToFloat16(floats) : narrowToBfloat16(floats);
}

function narrowToFloat16(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(floats).buffer);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) {
    // The exponent of the half; subnormal ones share that of the least normal ones.
    const exponent = Math.max(-14, ((bits[i] >>> 23) & 0xff) - 127);
    const units = roundHalfEven(Math.abs(floats[i]) * 2 ** (10 - exponent));
    // A carry out of the fraction goes into the exponent, as it should.
    const magnitude = Math.min(0x7c00, (exponent + 14) * 0x400 + units);
    halves[i] = ((bits[i] >>> 16) & 0x8000) | magnitude;
  }
  return halves;
}

function narrowToBfloat16(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(floats).buffer);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) halves[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16;
  return halves;
}

function roundHalfEven(value: number): number {
  return value + 2 ** 52 - 2 ** 52; // at 2^52 the last bit of a float64 is 1
}

/** Little-endian bytes of floats as an array of numbers: float64 as they are, all others as float32, exactly. */
export function floatsOf(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: FloatDtype,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  if (dtype === "float64") return new Float64Array(bytes.buffer);
  if (dtype === "float32") return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  return dtype === "float16" ? widenFloat16(halves) : widenBfloat16(halves);
}
