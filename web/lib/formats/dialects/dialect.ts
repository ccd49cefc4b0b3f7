import { extentsOf } from "../../core/memory/extents.js";
import type { Scheme } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import type { TensorInfo } from "../../tensor/tensor.js";

/**
 * A tensor of the output that, together with others, replaces a quantized tensor. Its content is the codes (packed to
 * `packed` bits if given), the scales in the tensor's dtype, the zero points (packed as codes are), or given bytes.
 */
export interface StoredTensor extends TensorInfo {
  readonly content: "codes" | "scales" | "zeroPoints" | Uint8Array<ArrayBuffer>;
  readonly packed?: 4 | 8;
  /** The bytes where weights that might be rotated are not; as many as those of the content. */
  readonly unrotated?: Uint8Array<ArrayBuffer>;
}

/** A tensor that is to be quantized, as a dialect sees it. */
export interface QuantizedTensorInfo {
  readonly tensor: TensorInfo;
  readonly scheme: Scheme;
  /**
   * The shape of the scales in the order of the tensor: [C] per channel, [] per tensor; with groups, the shape with one
   * dimension divided.
   */
  readonly scaleShape: readonly number[];
  /** How many neighbours of a row are rotated together, where that measures better; undefined where it is not tried. */
  readonly rotation?: number | undefined;
}

/** A convention for the names, types and shapes of the tensors that replace a quantized one. */
export interface Dialect {
  /** The bits of a code that it can hold. */
  readonly bits: readonly Bits[];
  /** The reader that takes no negative scales; undefined where all readers take them. */
  readonly positive?: string;
  /** The reader that takes no zero points; undefined where all readers take them. */
  readonly symmetric?: string;
  /** How many neighbours its reader can rotate together: a power of 4. */
  readonly rotation?: number;
  /** Whether its reader runs image models, whose architecture says what they need as floats. */
  readonly runsImageModels?: boolean;
  /** The reason why it cannot hold a tensor quantized in this way; undefined where it can. */
  refusal(tensor: TensorInfo, scheme: Scheme): string | undefined;
  /**
   * The reason to keep a tensor by default in this dialect, in addition to those of all dialects; undefined for no such
   * reason.
   */
  keeps?(tensor: TensorInfo, byName: ReadonlyMap<string, TensorInfo>): string | undefined;
  /**
   * Lists of indices of tensors that its reader joins into one layer. All of a list must be quantized in one way, or
   * kept.
   */
  joined?(tensors: readonly TensorInfo[]): number[][];
  /** The tensors that replace a quantized one, codes first. */
  stored(tensor: QuantizedTensorInfo): StoredTensor[];
  /** The entries of the file's metadata. */
  metadata?(quantized: readonly QuantizedTensorInfo[], kept: readonly TensorInfo[]): Record<string, string>;
}

/** A tensor with the shape of its scales. */
export function withScaleShape(tensor: TensorInfo, scheme: Scheme, rotation?: number): QuantizedTensorInfo {
  return { tensor, scheme, rotation, scaleShape: extentsOf(tensor.shape, scheme.axis, scheme.granularity).scaleShape };
}
