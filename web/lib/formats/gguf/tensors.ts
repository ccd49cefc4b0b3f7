import { lenderOf, lentBy } from "../../io/lent-files.js";
import { type BlockType, blockTypes } from "../../storage/ggml/block-types.js";
import type { BlockTensor } from "../../tensor/block-tensor.js";
import { elementsOf } from "../../tensor/dtypes.js";
import { bytesIn } from "../../tensor/stored-scales.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { GgufContents, GgufTensor } from "./parts.js";

/** The tensors with plain elements, in the order of the header. */
export function elementTensors({ tensors }: Pick<GgufContents, "tensors">): ModelTensor[] {
  return tensors.flatMap(({ name, type: { dtype }, shape, byteLength, data }) =>
    dtype === undefined ? [] : [lentBy({ name, dtype, shape, byteLength, read: data.read }, lenderOf(data))],
  );
}

/** The tensors of blocks that can be decoded. */
export function blockTensors({ tensors }: Pick<GgufContents, "tensors">): BlockTensor[] {
  return tensors.flatMap((tensor) => (isDecoded(tensor.type.name) ? [blockTensor(tensor, tensor.type.name)] : []));
}

/** Whether blocks of a type can be decoded. */
export function isDecoded(name: string): name is BlockType {
  return Object.hasOwn(blockTypes, name);
}

function blockTensor({ name, shape, byteLength, data }: GgufTensor, blockType: BlockType): BlockTensor {
  const { blockLength, blockBytes } = blockTypes[blockType];
  const blockFloatBytes = 4 * blockLength;
  const read = async (offset: number, length: number) => {
    const first = Math.floor(offset / blockFloatBytes);
    const end = Math.ceil((offset + length) / blockFloatBytes);
    const { loadBlocks } = await import("../../storage/ggml/load-blocks.js");
    const blocks = await loadBlocks();
    const bytes = bytesIn(blocks.decode(blockType, await data.read(first * blockBytes, (end - first) * blockBytes)));
    const start = offset - first * blockFloatBytes;
    return start === 0 && length === bytes.length ? bytes : bytes.slice(start, start + length);
  };
  const floats = { name, dtype: "float32", shape, byteLength: 4 * elementsOf(shape), read } as const;
  return { name, shape, blockType, byteLength, floats, read: (offset, length) => data.read(offset, length) };
}
