import type { FloatArray } from "../core/arguments.js";
import type { Dtype } from "./dtypes.js";
import { narrowTo, widenBfloat16, widenFloat16 } from "./floats.js";

// Scales in the type in which a file holds them.

/** Codes are made for the scales that are stored; so the error figures are those of what a reader gets, too. */
export function rounderTo(dtype: Dtype): ((scales: FloatArray) => void) | undefined {
  if (dtype !== "float16" && dtype !== "bfloat16") return undefined;
  return (scales) => {
    const halves = narrowTo(dtype, scales as Float32Array);
    for (let i = 0; i < halves.length; i++) halves[i] ||= 1; // a scale of 0 would stand for nothing
    scales.set(dtype === "float16" ? widenFloat16(halves) : widenBfloat16(halves));
  };
}

export function scaleBytes(scales: FloatArray, dtype: Dtype): Uint8Array<ArrayBuffer> {
  if (dtype === "float16" || dtype === "bfloat16") return bytesIn(narrowTo(dtype, scales as Float32Array));
  return bytesIn(dtype === "float64" ? scales : new Float32Array(scales));
}

/** The memory of an array. */
export function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
