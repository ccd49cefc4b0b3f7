import type { Target } from "../protocol.js";
import { isOnnxTarget } from "../settings.js";

/**
 * The name without endings: "model" of model.safetensors, model.safetensors.index.json and
 * model-00001-of-00004.safetensors.
 */
export function stemOf(fileName: string): string {
  const stem = fileName.replace(/(\.safetensors)?(\.index)?\.[^.]*$/i, "").replace(/-\d+-of-\d+$/, "");
  return stem || "model";
}

/** The name that the command line gives to its output. */
export function outputName(stem: string, target: Target, bits: number): string {
  if (isOnnxTarget(target)) return `${stem}${bits === 4 ? "_q4" : `_int${bits}`}.onnx`;
  if (target === "comfyui") return `${stem}-int8-comfyui.safetensors`;
  if (target === "compressed-tensors") return `${stem}-w${bits}a16.safetensors`;
  if (target === "compressed-tensors-w8a8") return `${stem}-w8a8.safetensors`;
  return `${stem}-int${bits}.${target === "npz" ? "npz" : "safetensors"}`;
}
