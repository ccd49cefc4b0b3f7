import { extentsOf } from "../../core/extents.js";
import type { Scheme } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import type { TensorInfo } from "../../tensor/tensor.js";

/**
 * A tensor of the output that stands, with others, for one that is quantized. Its bytes are the codes (packed to
 * `packed` bits where that is given), the scales in the tensor's dtype, or known beforehand.
 */
export interface StoredTensor extends TensorInfo {
  readonly content: "codes" | "scales" | Uint8Array<ArrayBuffer>;
  readonly packed?: 4 | 8;
}

/** One tensor that is quantized, as a dialect is told of it. */
export interface QuantizedTensorInfo {
  readonly tensor: TensorInfo;
  readonly scheme: Scheme;
  /** Of the scales, in the order of the tensor: [C] per channel, [] per tensor; with groups the shape divided. */
  readonly scaleShape: readonly number[];
}

/** A convention for names, types and shapes of what a quantized tensor becomes. */
export interface Dialect {
  /** Bits that it can hold. */
  readonly bits: readonly Bits[];
  /** Who reads it that takes no negative scales; undefined where all take them. */
  readonly positive?: string;
  /** Why it cannot hold a tensor quantized in this way; undefined where it can. */
  refusal(tensor: TensorInfo, scheme: Scheme): string | undefined;
  /** What to keep as it is unless asked for, beyond what any dialect keeps, and why; undefined where nothing. */
  keeps?(tensor: TensorInfo, byName: ReadonlyMap<string, TensorInfo>): string | undefined;
  /** Tensors, by their places, that its reader joins into one layer: each list is to be quantized in one way, or kept. */
  joined?(tensors: readonly TensorInfo[]): number[][];
  /** The tensors that stand for one quantized: the codes first. */
  stored(tensor: QuantizedTensorInfo): StoredTensor[];
  /** What it says in the metadata of the file. */
  metadata?(quantized: readonly QuantizedTensorInfo[], kept: readonly TensorInfo[]): Record<string, string>;
}

/** A tensor with the shape of its scales. */
export function withScaleShape(tensor: TensorInfo, scheme: Scheme): QuantizedTensorInfo {
  return { tensor, scheme, scaleShape: extentsOf(tensor.shape, scheme.axis, scheme.granularity).scaleShape };
}
