import { shown } from "../../core/arguments.js";
import { comfyui } from "./comfyui.js";
import { intQuantized, packQuantized } from "./compressed-tensors.js";
import type { Dialect } from "./dialect.js";
import { npz, plain } from "./plain.js";

export const dialects = {
  plain,
  comfyui,
  "compressed-tensors": packQuantized,
  "compressed-tensors-w8a8": intQuantized,
  npz,
} satisfies Record<string, Dialect>;

/**
 * How quantized tensors are stored. In .safetensors: "plain" (`weight`, `weight_scale`), "comfyui",
 * "compressed-tensors" (weights of 8 or 4 bits) and "compressed-tensors-w8a8" (activations of 8 bits too). "npz" is
 * numpy's archive of arrays.
 */
export type DialectName = keyof typeof dialects;

/** @throws {TypeError} for an unknown name. */
export function dialectNamed(name: DialectName): Dialect {
  if (Object.hasOwn(dialects, name)) return dialects[name];
  throw new TypeError(`dialect is ${shown(name)}; it must be one of ${Object.keys(dialects).join(", ")}`);
}
