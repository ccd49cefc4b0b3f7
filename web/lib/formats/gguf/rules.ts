import type { FileTypeName } from "./file-types.js";
import type { GgufKey } from "./keys.js";
import { ggmlRank, inLlamaOrder, llamaTypes, type Sized, whyLlamaKeeps } from "./llama-types.js";

/** How a program that makes GGUFs of a kind of models treats their tensors. */
export interface TensorRules {
  /** Who does it so. */
  readonly program: string;
  /** The order of the tensors in the file. */
  inOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[];
  /** Why a tensor stays as it is. */
  whyKept(tensor: Sized): string | undefined;
  /** The types of those that are quantized, by name. */
  typesOf(tensors: readonly Sized[], keys: readonly GgufKey[], fileType: FileTypeName): ReadonlyMap<string, string>;
  /** The dimensions as they stand in the file. */
  shapeOf(shape: readonly number[]): readonly number[];
  /** The most bytes of a name. */
  readonly mostNameBytes: number;
  /** The most dimensions of a tensor. */
  readonly mostDimensions: number;
}

/** The version of llama.cpp whose llama-quantize is followed to the last byte. */
export const llamaCppVersion = "v0.4.0";

/** Of language models. */
export const llamaRules: TensorRules = {
  program: `llama-quantize of llama.cpp ${llamaCppVersion}`,
  inOrder: inLlamaOrder,
  whyKept: whyLlamaKeeps,
  typesOf: (tensors, keys, fileType) => llamaTypes(inLlamaOrder(tensors), keys, fileType),
  shapeOf: (shape) => (shape.length === 0 ? [1] : shape.slice(shape.length - ggmlRank(shape))),
  mostNameBytes: 63,
  mostDimensions: 4,
};
