import type { FloatArray } from "../core/arguments.js";
import type { Dtype } from "./dtypes.js";
import { narrowTo } from "./floats.js";

// Encodes scales in the type in which a file holds them.

/** The bytes of scales that are rounded to the type already. */
export function scaleBytes(scales: FloatArray, dtype: Dtype): Uint8Array<ArrayBuffer> {
  if (dtype === "float16" || dtype === "bfloat16") return bytesIn(narrowTo(dtype, scales));
  return bytesIn(dtype === "float64" ? scales : new Float32Array(scales));
}

/** The memory of an array as bytes. */
export function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
