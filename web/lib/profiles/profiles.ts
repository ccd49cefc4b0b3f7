import type { Bits } from "../core/types.js";
import { awayFromZero, type CodeOf, divided, halfAway, halfToEven, multiplied } from "./codes.js";

/** The least and the largest of some weights, which are float32. */
export interface WeightRange {
  /** The least weight. */
  readonly least: number;
  /** The largest weight. */
  readonly largest: number;
}

/** A scale, which is float32, and the code that stands for 0. */
export interface ScaleAndZero {
  /** The scale, which may be negative. */
  readonly scale: number;
  /** The zero point, counted as codes are. */
  readonly zeroPoint: number;
}

/** How a tool makes codes of float32 weights. */
export interface Profile {
  /** The tool, and the version whose source says so. */
  readonly tool: string;
  /** The numbers of bits that the tool has codes of; the first is the default. */
  readonly bits: readonly Bits[];
  /** Whether each scale has a zero point; otherwise the code 0 stands for 0. */
  readonly zeroPoints: boolean;
  /** Whether groups of neighbours have a scale as channels do. */
  readonly groups: boolean;
  /**
   * The scale, as a formula: n bits; m is the weight of the largest magnitude, and A that magnitude; up and down are the
   * largest weight and the largest negative of one.
   */
  readonly scale: string;
  /** The scale and the zero point of some weights, for codes from `qmin` to `qmax`. */
  readonly of: (range: WeightRange, qmin: number, qmax: number) => ScaleAndZero;
  /** The code of a weight. */
  readonly code: CodeOf;
}

const f = Math.fround;
const magnitude = ({ least, largest }: WeightRange) => Math.max(Math.abs(least), Math.abs(largest));
const symmetric = (scale: number): ScaleAndZero => ({ scale, zeroPoint: 0 });

/** 2^-126: below it, ONNX Runtime's tools take 1 for a scale. */
const leastNormal = 2 ** -126;
const epsilon32 = 2 ** -23;

/**
 * Quotients are float64 here, and the zero point is that of the scale before it is rounded to float32.
 * @param wanted the zero point where the scale is 1 for want of a better one
 */
function ofOnnxRuntime({ least, largest }: WeightRange, qmin: number, qmax: number, wanted: number): ScaleAndZero {
  const down = Math.min(least, 0);
  const scale = f(Math.max(largest, 0) - down) / (qmax - qmin);
  if (scale < leastNormal) return { scale: 1, zeroPoint: wanted };
  return { scale: f(scale), zeroPoint: halfToEven(qmin - down / scale) };
}

const onnxRuntime = {
  tool: "ONNX Runtime 1.2x, onnxruntime.quantization",
  bits: [8],
  groups: false,
  code: divided,
} as const;
const matMulNBits = {
  tool: "ONNX Runtime 1.2x, MatMulNBits quantizer",
  bits: [4, 8, 2],
  groups: true,
  code: awayFromZero,
} as const;

/** The name of a profile. */
export type ProfileName =
  | "onnxruntime-int8"
  | "onnxruntime-uint8"
  | "onnxruntime-int8-asymmetric"
  | "matmulnbits"
  | "matmulnbits-asymmetric"
  | "torch"
  | "compressed-tensors"
  | "comfyui"
  | "litert";

/** The profiles by name. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  "onnxruntime-int8": {
    ...onnxRuntime,
    zeroPoints: false,
    scale: "2 A / 254, 1 below 2^-126",
    of: (range) => {
      const scale = f(2 * magnitude(range)) / 254;
      return symmetric(scale < leastNormal ? 1 : f(scale));
    },
  },
  "onnxruntime-uint8": {
    ...onnxRuntime,
    zeroPoints: true,
    scale: "(up + down) / 255, 1 below 2^-126",
    of: (range, qmin, qmax) => ofOnnxRuntime(range, qmin, qmax, qmin),
  },
  "onnxruntime-int8-asymmetric": {
    ...onnxRuntime,
    zeroPoints: true,
    scale: "(up + down) / 255, 1 below 2^-126",
    of: (range, qmin, qmax) => ofOnnxRuntime(range, qmin, qmax, 0),
  },
  matmulnbits: {
    ...matMulNBits,
    zeroPoints: false,
    scale: "-m / 2^(n-1)",
    // Of a weight and its negative, the negative one counts.
    of: ({ least, largest }, qmin) => symmetric((Math.abs(largest) > Math.abs(least) ? largest : least) / qmin),
  },
  "matmulnbits-asymmetric": {
    ...matMulNBits,
    zeroPoints: true,
    scale: "(up + down) / (2^n - 1)",
    of: ({ least, largest }, qmin, qmax) => {
      const down = Math.min(least, 0);
      const scale = f(f(Math.max(largest, 0) - down) / (qmax - qmin));
      const zeroPoint = scale === 0 ? 0 : halfAway(f(-down / scale));
      return { scale, zeroPoint: qmin + Math.min(zeroPoint, qmax - qmin) };
    },
  },
  torch: {
    tool: "PyTorch, default_per_channel_weight_observer",
    bits: [8],
    zeroPoints: false,
    groups: false,
    scale: "max(A / 127.5, 2^-23)",
    of: (range) => symmetric(Math.max(f(magnitude(range) / 127.5), epsilon32)),
    code: multiplied,
  },
  "compressed-tensors": {
    tool: "compressed-tensors, of August 2026",
    bits: [8, 4],
    zeroPoints: false,
    groups: true,
    scale: "2 A / (2^n - 1), 2^-23 for 0",
    of: (range, qmin, qmax) => symmetric(f(magnitude(range) / ((qmax - qmin) / 2)) || epsilon32),
    code: divided,
  },
  comfyui: {
    tool: "ComfyUI's comfy-kitchen, of August 2026, eager",
    bits: [8],
    zeroPoints: false,
    groups: false,
    scale: "max(A / 127, 1e-30)",
    of: (range) => symmetric(Math.max(f(magnitude(range) / 127), f(1e-30))),
    code: divided,
  },
  litert: {
    tool: "LiteRT's AI Edge Quantizer, of August 2026",
    bits: [8, 4],
    zeroPoints: false,
    groups: false, // there, scales are rounded to bfloat16
    scale: "max(A, 1e-9) / (2^(n-1) - 1)",
    of: (range, _, qmax) => symmetric(f(Math.max(magnitude(range), f(1e-9)) / qmax)),
    code: divided,
  },
};
