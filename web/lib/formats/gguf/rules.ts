import type { FileTypeName } from "./file-types.js";
import type { GgufKey } from "./keys.js";
import { ggmlRank, inLlamaOrder, llamaTypes, type Sized, whyLlamaKeeps } from "./llama-types.js";

/** The rules by which a program that makes GGUFs of one kind of models treats their tensors. */
export interface TensorRules {
  /** The name of the program. */
  readonly program: string;
  /** Sorts tensors as they lie in the file. */
  inOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[];
  /** The reason why a tensor stays as it is; undefined for one that is quantized. */
  whyKept(tensor: Sized): string | undefined;
  /** The types of the tensors that are quantized, by name. */
  typesOf(tensors: readonly Sized[], keys: readonly GgufKey[], fileType: FileTypeName): ReadonlyMap<string, string>;
  /** The shape that is written to the file. */
  shapeOf(shape: readonly number[]): readonly number[];
  /** The longest name of a tensor, in UTF-8 bytes. */
  readonly mostNameBytes: number;
  /** The largest number of dimensions of a tensor. */
  readonly mostDimensions: number;
}

/** The version of llama.cpp whose llama-quantize is followed byte for byte. */
export const llamaCppVersion = "v0.4.0";

/** The rules for language models. */
export const llamaRules: TensorRules = {
  program: `llama-quantize of llama.cpp ${llamaCppVersion}`,
  inOrder: inLlamaOrder,
  whyKept: whyLlamaKeeps,
  typesOf: (tensors, keys, fileType) => llamaTypes(inLlamaOrder(tensors), keys, fileType),
  shapeOf: (shape) => (shape.length === 0 ? [1] : shape.slice(shape.length - ggmlRank(shape))),
  mostNameBytes: 63,
  mostDimensions: 4,
};
