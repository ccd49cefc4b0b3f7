import type { TensorInfo } from "../../tensor/tensor.js";
import type { Dialect, QuantizedTensorInfo } from "./dialect.js";
import { isEmbedding, isRouter, moduleOf } from "./modules.js";
import { stored } from "./plain.js";

/** ComfyUI's name for a layer of int8 weights with one scale for each row or one for all. */
export const FORMAT = "int8_tensorwise";

/**
 * ComfyUI's layers of int8: `weight`, `weight_scale`, and the marker `comfy_quant`, which names the format (formats of
 * comfy/quant_ops.py).
 */
export const comfyui: Dialect = {
  bits: [8],
  positive: "ComfyUI",
  symmetric: "ComfyUI",
  rotation: 256,
  runsImageModels: true,
  refusal({ name, shape }, { axis, granularity }) {
    if (moduleOf(name) === undefined || shape.length !== 2) return "ComfyUI quantizes linear layers only";
    if (typeof granularity === "object") return "ComfyUI has no int8 layers with groups";
    return axis === 1 ? "ComfyUI has one scale for each row: axis 0" : undefined;
  },
  keeps({ name }, byName) {
    if (isEmbedding(name)) return "an embedding; ComfyUI quantizes linear layers";
    return isRouter(name, byName) ? "a router of experts; ComfyUI quantizes linear layers" : undefined;
  },
  stored({ tensor, scheme, scaleShape, rotation }: QuantizedTensorInfo) {
    const module = moduleOf(tensor.name) as string;
    const plain = JSON.stringify({ format: FORMAT });
    const text = rotation ? JSON.stringify({ format: FORMAT, convrot: true, convrot_groupsize: rotation }) : plain;
    const marker = new TextEncoder().encode(text);
    // JSON may end in spaces, so that the layout of the file does not depend on what measures better.
    const unrotated = new TextEncoder().encode(plain.padEnd(text.length));
    const scales = scheme.granularity === "tensor" ? [] : [...scaleShape, 1];
    return [
      stored(tensor.name, "int8", tensor.shape, "codes"),
      stored(`${module}.weight_scale`, "float32", scales, "scales"),
      { ...stored(`${module}.comfy_quant`, "uint8", [marker.length], marker), unrotated },
    ];
  },
};

/** The module that a comfy_quant marker belongs to; undefined for other tensors. */
export function markedModule({ name, dtype }: TensorInfo): string | undefined {
  return name.endsWith(".comfy_quant") && dtype === "uint8" ? name.slice(0, -".comfy_quant".length) : undefined;
}
