import { elementsOf } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { ModelPart } from "../format.js";
import { CONFIG } from "./compressed-tensors.js";
import type { DialectName } from "./index.js";
import { dialectTarget } from "./target.js";

/**
 * Sentences on parts that may belong to another model than the others. No file says of which model it is a part. What
 * can be seen is a part of floats that the dialect of the other parts would have quantized, and other metadata: all
 * parts of one run have the same. Neither is an error for sure, since settings may keep the tensors of a part.
 *
 * @param isQuantized whether a tensor is, or belongs to, a quantized one.
 */
export function oddParts(
  parts: readonly ModelPart[],
  isQuantized: (tensor: ModelTensor) => boolean,
  dialect: DialectName | undefined,
): string[] {
  const whole = parts.find(({ tensors }) => tensors.some(isQuantized));
  if (whole === undefined) return [];
  return parts.flatMap((part) => {
    const { name, tensors } = part;
    const float = tensors.some(isQuantized) ? undefined : wouldBeQuantized(part, dialect);
    const floats =
      float && `${name} has no quantized tensors, although ${float.name} is such as ${whole.name} has quantized`;
    const key = otherMetadata(part, whole);
    const metadata = key === undefined ? undefined : `${name} and ${whole.name} differ in ${key} of their metadata`;
    const said = floats ?? metadata;
    return said === undefined ? [] : [`${said}: see whether both are of one model, and of one run`];
  });
}

/** A tensor that is quantized by default. */
function wouldBeQuantized({ tensors }: ModelPart, dialect: DialectName | undefined): ModelTensor | undefined {
  const target = dialectTarget({ format: "safetensors", tensors }, { dialect });
  return tensors.find(
    (tensor) => elementsOf(tensor.shape) >= target.smallest && !target.whyImpossible(tensor) && !target.whyKept(tensor),
  );
}

/** A key whose value two parts do not share. Each part describes the quantization of its own tensors. */
function otherMetadata({ metadata: a }: ModelPart, { metadata: b }: ModelPart): string | undefined {
  return Object.keys({ ...a, ...b }).find((key) => key !== CONFIG && a[key] !== b[key]);
}
