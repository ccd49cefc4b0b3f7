import { blockTypes } from "../../storage/ggml/block-types.js";
import type { Dtype } from "../../tensor/dtypes.js";

/** A type of the tensors in a GGUF: plain elements, or blocks of weights that share scales. */
export interface GgufType {
  readonly name: string;
  /** The number that stands for it in files. */
  readonly id: number;
  /** The number of weights in a block, which lie one after the other in a row. */
  readonly blockLength: number;
  /** The size of a block in bytes. */
  readonly blockBytes: number;
  /** The type of plain elements; undefined for blocks. */
  readonly dtype: Dtype | undefined;
}

const elements = (name: string, id: number, blockBytes: number, dtype: Dtype): GgufType => ({
  ...{ name, id, blockLength: 1, blockBytes, dtype },
});
const blocks = (name: string, id: number, blockLength: number, blockBytes: number): GgufType => ({
  ...{ name, id, blockLength, blockBytes, dtype: undefined },
});

/** The types of ggml.h, with the sizes of ggml_blck_size and ggml_type_size. */
const types: readonly GgufType[] = [
  elements("F32", 0, 4, "float32"),
  elements("F16", 1, 2, "float16"),
  ...Object.entries(blockTypes).map(([name, { id, blockLength, blockBytes }]) =>
    blocks(name, id, blockLength, blockBytes),
  ),
  blocks("Q8_1", 9, 32, 36),
  blocks("Q8_K", 15, 256, 292),
  blocks("IQ2_XXS", 16, 256, 66),
  blocks("IQ2_XS", 17, 256, 74),
  blocks("IQ3_XXS", 18, 256, 98),
  blocks("IQ1_S", 19, 256, 50),
  blocks("IQ3_S", 21, 256, 110),
  blocks("IQ2_S", 22, 256, 82),
  elements("I8", 24, 1, "int8"),
  elements("I16", 25, 2, "int16"),
  elements("I32", 26, 4, "int32"),
  elements("I64", 27, 8, "int64"),
  elements("F64", 28, 8, "float64"),
  blocks("IQ1_M", 29, 256, 56),
  elements("BF16", 30, 2, "bfloat16"),
  blocks("NVFP4", 40, 64, 36),
  blocks("Q1_0", 41, 128, 18),
  blocks("Q2_0", 42, 64, 18),
];

const byId = new Map(types.map((type) => [type.id, type]));
const byName = new Map(types.map((type) => [type.name, type]));

export function typeOfId(id: number): GgufType | undefined {
  return byId.get(id);
}

/** @throws {Error} for a name that is not in the table. Only code gives names, never files. */
export function typeNamed(name: string): GgufType {
  const type = byName.get(name);
  if (type === undefined) throw new Error(`there is no type ${name}`);
  return type;
}

/** @throws {Error} for elements that a GGUF does not hold, such as floats of 8 bits. */
export function typeOfDtype(dtype: Dtype): GgufType {
  const type = types.find((each) => each.dtype === dtype);
  if (type === undefined) throw new Error(`a GGUF has no tensors of ${dtype}`);
  return type;
}

/** The bytes that `elements` weights take, which must fill whole blocks. */
export function bytesOfType({ blockLength, blockBytes }: GgufType, elements: number): number {
  return (elements / blockLength) * blockBytes;
}
