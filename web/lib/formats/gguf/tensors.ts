import { lenderOf, lentBy } from "../../io/lent-files.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { GgufContents } from "./parts.js";

/** The tensors whose elements are numbers of their own, in the order of the header. */
export function floatTensors({ tensors }: Pick<GgufContents, "tensors">): ModelTensor[] {
  return tensors.flatMap(({ name, type: { dtype }, shape, byteLength, data }) =>
    dtype === undefined ? [] : [lentBy({ name, dtype, shape, byteLength, read: data.read }, lenderOf(data))],
  );
}
