import type { CodeArray, FloatArray } from "../core/arguments.js";
import type { Engine } from "../core/memory/buffers.js";
import type { Scheme } from "../core/scheme.js";
import type { Granularity } from "../core/types.js";
import type { TensorInfo } from "./tensor.js";

/** Codes minus their zero points. With zero points, codes of 16 bits exceed an int16. */
export type CentredCodes = Int8Array | Int16Array | Int32Array;

/** A tensor that is stored as codes and scales. */
export interface QuantizedTensor {
  /** The name of the weights that codes and scales stand for. */
  readonly name: string;
  /** The shape of the weights. */
  readonly shape: readonly number[];
  /** The dimensions that the scheme refers to: those of the weights, of which the file may join some. */
  readonly quantizedShape: readonly number[];
  /** The scheme. `bits` is what a code takes in the file; it may have been made with fewer. */
  readonly scheme: Scheme;
  /** Whether codes are signed integers. */
  readonly signed: boolean;
  /** Whether each scale has a zero point. */
  readonly zeroPoints: boolean;
  /**
   * How many neighbours of a row were rotated together before they were quantized (ComfyUI's convrot). Codes and scales
   * stand for the rotated weights; undefined where these are the weights.
   */
  readonly rotation?: number | undefined;
  /** The tensor of the file that holds the codes. */
  readonly codes: TensorInfo;
  /** The tensor of the file that holds the scales. */
  readonly scales: TensorInfo;
  /** The operators that turn codes into weights in an .onnx model. */
  readonly pattern?: string | undefined;
  /** The size of everything that stands for the weights, in bytes. */
  readonly byteLength: number;
  /**
   * @internal Reads `count` codes from index `start` on, in the order of the weights, minus their zero points. The
   * engine unpacks them.
   */
  readCodes(engine: Engine, start: number, count: number): Promise<CentredCodes>;
  /** Reads all scales in the order of the scheme. Those of 16 bits are widened to float32. */
  readScales(): Promise<FloatArray>;
}

/** Codes minus their zero points, which have the order of the scales. The first code has the index `start`. */
export function centred(
  codes: CodeArray,
  zeroPoints: CodeArray,
  places: { at(weight: number): number },
  start: number,
): Int16Array | Int32Array {
  const less = codes.BYTES_PER_ELEMENT === 1 ? new Int16Array(codes.length) : new Int32Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    less[i] = (codes[i] as number) - (zeroPoints[places.at(start + i)] as number);
  }
  return less;
}

/**
 * The number of scales of weights of a shape, and the index of the scale of each weight. Scales have the order of the
 * tensor, with the grouped dimension divided by the group size. The last group of a row may be shorter.
 */
export function scalePlaces(
  shape: readonly number[],
  { axis, granularity }: { readonly axis: number | undefined; readonly granularity: Granularity },
): { readonly count: number; at(weight: number): number } {
  if (granularity === "tensor") return { count: 1, at: () => 0 };
  const along = granularity === "channel" ? (axis as number) : granularity.along;
  const size = shape[along] as number;
  const outer = product(shape.slice(0, along));
  const inner = product(shape.slice(along + 1));
  if (granularity === "channel") return { count: size, at: (weight) => Math.floor(weight / inner) % size };
  const { group } = granularity;
  const groups = Math.ceil(size / group);
  return {
    count: outer * groups * inner,
    at(weight) {
      const row = Math.floor(weight / inner);
      return (Math.floor(row / size) * groups + Math.floor((row % size) / group)) * inner + (weight % inner);
    },
  };
}

function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}
