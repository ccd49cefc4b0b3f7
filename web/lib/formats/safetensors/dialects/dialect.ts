import type { Bits, Granularity } from "../../../core/types.js";
import type { TensorInfo } from "../../../tensor/model.js";

/** How a tensor is quantized; axis and along are counted from 0, and axis has a meaning per channel only. */
export interface Layout {
  readonly bits: Bits;
  readonly axis: number | undefined;
  readonly granularity: Granularity;
}

/**
 * A tensor of the output that stands, with others, for one that is quantized. Its bytes are the codes (packed to
 * `packed` bits where that is given), the scales in the tensor's dtype, or known beforehand.
 */
export interface StoredTensor extends TensorInfo {
  readonly content: "codes" | "scales" | Uint8Array<ArrayBuffer>;
  readonly packed?: 4 | 8;
}

/** One tensor that is quantized, as a dialect is told of it. */
export interface QuantizedTensorInfo extends Layout {
  readonly tensor: TensorInfo;
  /** Of the scales, in the order of the tensor: [C] per channel, [] per tensor; with groups the shape divided. */
  readonly scaleShape: readonly number[];
}

/** A convention for names, types and shapes of what a quantized tensor becomes. */
export interface Dialect {
  /** Bits that it can hold. */
  readonly bits: readonly Bits[];
  /** Why it cannot hold a tensor quantized in this way; undefined where it can. */
  refusal(tensor: TensorInfo, layout: Layout): string | undefined;
  /** What to keep as it is unless asked for, beyond what any dialect keeps, and why; undefined where nothing. */
  keeps?(tensor: TensorInfo, byName: ReadonlyMap<string, TensorInfo>): string | undefined;
  /** Tensors, by their places, that its reader joins into one layer: each list is to be quantized in one way, or kept. */
  joined?(tensors: readonly TensorInfo[]): number[][];
  /** The tensors that stand for one quantized: the codes first. */
  stored(tensor: QuantizedTensorInfo): StoredTensor[];
  /** What it says in the metadata of the file. */
  metadata?(quantized: readonly QuantizedTensorInfo[], kept: readonly TensorInfo[]): Record<string, string>;
}
