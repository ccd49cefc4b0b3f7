/** A type of a whole GGUF, named as in llama-quantize after the type of most of its tensors. */
export interface FileType {
  /** The value of `general.file_type`. */
  readonly number: number;
  /** The type of a tensor for which no rule says otherwise. */
  readonly tensors: string;
}

/** A type that a GGUF can be written as, such as Q4_K_M. */
export type FileTypeName =
  | ("F32" | "F16" | "BF16" | "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0")
  | ("Q2_K" | "Q3_K_S" | "Q3_K_M" | "Q3_K_L" | "Q4_K_S" | "Q4_K_M" | "Q5_K_S" | "Q5_K_M" | "Q6_K");

/** A type of blocks that is written. */
export type BlockTypeName = ("Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0") | ("Q2_K" | "Q3_K" | "Q4_K" | "Q5_K" | "Q6_K");

/** The types of blocks that are written, the largest first. */
export const blockTypes: readonly BlockTypeName[] = [
  ...(["Q8_0", "Q6_K", "Q5_1", "Q5_K", "Q5_0"] as const),
  ...(["Q4_1", "Q4_K", "Q4_0", "Q3_K", "Q2_K"] as const),
];

/** The types that a GGUF can be written as. */
export const fileTypes: Readonly<Record<FileTypeName, FileType>> = {
  F32: { number: 0, tensors: "F32" },
  F16: { number: 1, tensors: "F16" },
  BF16: { number: 32, tensors: "BF16" },
  Q4_0: { number: 2, tensors: "Q4_0" },
  Q4_1: { number: 3, tensors: "Q4_1" },
  Q5_0: { number: 8, tensors: "Q5_0" },
  Q5_1: { number: 9, tensors: "Q5_1" },
  Q8_0: { number: 7, tensors: "Q8_0" },
  Q2_K: { number: 10, tensors: "Q2_K" },
  Q3_K_S: { number: 11, tensors: "Q3_K" },
  Q3_K_M: { number: 12, tensors: "Q3_K" },
  Q3_K_L: { number: 13, tensors: "Q3_K" },
  Q4_K_S: { number: 14, tensors: "Q4_K" },
  Q4_K_M: { number: 15, tensors: "Q4_K" },
  Q5_K_S: { number: 16, tensors: "Q5_K" },
  Q5_K_M: { number: 17, tensors: "Q5_K" },
  Q6_K: { number: 18, tensors: "Q6_K" },
};
