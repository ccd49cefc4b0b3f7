import { type OnnxTarget, type Scheme, scaleRules } from "channelwise/models";
import { typeset } from "../format.js";
import type { Description, Errors, Setting, Target, Unmeasurable } from "./protocol.js";

export const allBits = Array.from({ length: 15 }, (_, i) => i + 2);

/** The numbers of bits that are compared. */
export const comparedBits = [2, 3, 4, 5, 6, 7, 8, 16] as const;

/** The word for zero points in the text of a setting. */
export const ZERO_POINTS = "zero-points";

/** A text that is the same for equal settings: "4 channel", "8 32 0", "4 tensor search zero-points". */
export function settingKey({ bits, rule, zeroPoints, granularity, axis }: Setting): string {
  const ruleWord = rule === scaleRules[0] ? undefined : rule;
  const words = [bits, granularity, axis, ruleWord, zeroPoints && ZERO_POINTS];
  return words.filter((word) => word !== undefined).join(" ");
}

export function settingOf(key: string): Setting {
  const [bits, granularity, ...rest] = key.split(" ");
  const axis = rest.find((word) => /^-?\d+$/.test(word));
  return {
    bits: Number(bits),
    rule: scaleRules.find((rule) => rest.includes(rule)) ?? scaleRules[0],
    ...(rest.includes(ZERO_POINTS) && { zeroPoints: true as const }),
    granularity: granularity === "channel" || granularity === "tensor" ? granularity : Number(granularity),
    ...(axis === undefined ? {} : { axis: Number(axis) }),
  };
}

/** What a setting says of how scales are found. */
export function wayOf({ rule, zeroPoints }: Setting): Pick<Setting, "rule" | "zeroPoints"> {
  return { rule, ...(zeroPoints && { zeroPoints }) };
}

/** A setting without an axis gets the one chosen for all, if that means the same. */
export function withAxis(setting: Setting, all: Setting, format: Description["format"]): Setting {
  const isGroups = ({ granularity }: Setting) => typeof granularity === "number";
  const meansTheSame = format === "onnx" || isGroups(setting) === isGroups(all);
  const takes = setting.axis === undefined && setting.granularity !== "tensor" && meansTheSame;
  return takes && all.axis !== undefined ? { ...setting, axis: all.axis } : setting;
}

/** The axis that a channel sums over: the last one in PyTorch's layers, and the one before it in TensorFlow's. */
export function groupAxis(format: Description["format"]): number {
  return format === "tfjs" ? -2 : -1;
}

/** A granularity as text: "per channel", "in groups of 32". */
export function granularityText(granularity: Setting["granularity"]): string {
  return typeof granularity === "number" ? `in groups of ${granularity}` : `per ${granularity}`;
}

/** A setting as text: "8 bits per channel", "4 bits in groups of 32, axis −2". */
export function settingText({ bits, rule, zeroPoints, granularity, axis }: Setting): string {
  const scales = rule === scaleRules[0] ? "" : `, scales by ${rule}`;
  return `${bits} bits ${granularityText(granularity)}${axisText(axis)}${scales}${zeroPoints ? ", with zero points" : ""}`;
}

/** The decision for a tensor as text, with its axis: "8 bits per channel, axis 0". */
export function plannedText({ bits, rule = scaleRules[0], zeroPoints, axis, granularity }: Scheme): string {
  const shared = { bits, rule, ...(zeroPoints && { zeroPoints }) };
  if (typeof granularity !== "object") return settingText({ ...shared, granularity, axis });
  return settingText({ ...shared, granularity: granularity.group, axis: granularity.along });
}

function axisText(axis: number | undefined): string {
  return axis === undefined ? "" : `, axis ${typeset(axis, 2)}`;
}

/** The measured errors, by setting and tensor. */
export class Costs {
  readonly #errors = new Map<string, Map<number, Errors | Unmeasurable>>();

  get(tensor: number, setting: Setting): Errors | Unmeasurable | undefined {
    return this.#errors.get(settingKey(setting))?.get(tensor);
  }

  set(tensor: number, setting: Setting, errors: Errors | Unmeasurable) {
    const key = settingKey(setting);
    const ofSetting = this.#errors.get(key) ?? new Map();
    this.#errors.set(key, ofSetting.set(tensor, errors));
  }
}

/** The targets in the order in which they are offered. */
export const onnxTargets = ["wasm", "webgpu", "native", "portable"] as const satisfies readonly Target[];

export function isOnnxTarget(target: Target): target is OnnxTarget {
  return onnxTargets.some((each) => each === target);
}

export const targetNames: Record<Target, string> = {
  plain: ".safetensors, plain",
  comfyui: ".safetensors for ComfyUI",
  "compressed-tensors": ".safetensors for vLLM (W4A16, W8A16)",
  "compressed-tensors-w8a8": ".safetensors for vLLM (W8A8)",
  npz: ".npz for numpy",
  wasm: ".onnx for onnxruntime-web",
  webgpu: ".onnx for onnxruntime-web on the GPU",
  native: ".onnx for ONNX Runtime elsewhere",
  portable: ".onnx for any runtime",
};

export const targetHints: Record<Target, string> = {
  plain: "Each weight is stored as int8 (int16 above 8 bits) under its name, and its scales as <name>_scale.",
  comfyui: "Linear layers are stored as ComfyUI loads them, with 8 bits, per channel or per tensor.",
  "compressed-tensors":
    "Linear layers are stored as vLLM and transformers load them, with 4 or 8 bits packed, per channel or in groups.",
  "compressed-tensors-w8a8":
    "Linear layers are stored with 8 bits per channel, and vLLM quantizes the activations too.",
  npz: "Each weight is stored as two arrays of an archive, <name>.quantized and <name>.scale.",
  wasm: "MatMul and Gemm compute with integers of 8 bits, which is faster. Other weights become floats on loading.",
  webgpu: "MatMul with 4 bits in groups stays small in the GPU’s memory. Other weights become floats on loading.",
  native: "MatMul and Gemm compute with integers, which is faster. Other weights become floats on loading.",
  portable: "ONNX operators turn integers back into floats, and compute with these.",
};
