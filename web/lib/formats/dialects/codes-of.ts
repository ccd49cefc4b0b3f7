import type { TensorInfo } from "../../tensor/tensor.js";

/**
 * The names that codes have beside what tells how they become weights again: scales, and MLX's biases. Of the dialects
 * here, of fp8 models (`weight_scale_inv`), and of GPTQ, AWQ (`qweight`) and MLX (`weight`).
 */
const conventions: readonly { readonly belonging: RegExp; readonly codes: readonly string[] }[] = [
  { belonging: /_scale(_inv)?$/, codes: ["", "_packed"] },
  { belonging: /\.scale$/, codes: [".quantized"] },
  { belonging: /\.(scales|biases)$/, codes: [".qweight", ".weight"] },
];

/** The types that codes have. */
const CODES = /^(u?int(8|16|32)$|float[468]_)/;

/** The name of the codes that a tensor belongs to in a model that is quantized already; undefined for other tensors. */
export function codesOf(name: string, byName: ReadonlyMap<string, TensorInfo>): string | undefined {
  for (const { belonging, codes } of conventions) {
    if (!belonging.test(name)) continue;
    const found = codes
      .map((ending) => byName.get(name.replace(belonging, ending)))
      .find((tensor) => tensor !== undefined);
    if (found && CODES.test(found.dtype)) return found.name;
  }
  return undefined;
}
