import type { NewTensor } from "../file/encode.js";
import { castTo, chain } from "./chain.js";
import { codeTypes, type Form, floatTypes, type OnnxChoice } from "./form.js";
import { layoutOf, storageNotes, storedBitsOf } from "./layouts.js";

/**
 * Cast of codes and Mul with scales give the weight. Every opset has these, and runtimes compute them once, on loading.
 */
export const castAndMul: Form = {
  pattern: "Cast, Mul",
  wayOf(weight, wish) {
    const { granularity, quantizedShape, notes } = layoutOf(weight, wish);
    const storedBits = storedBitsOf(wish);
    return {
      // The output of Mul is not yet rounded to float16.
      scheme: {
        bits: wish.bits,
        axis: granularity === "channel" ? wish.axis : undefined,
        granularity,
        scaleType: "float32",
      },
      quantizedShape,
      storedBits,
      notes: [...notes, ...storageNotes(wish, storedBits)],
    };
  },
  replacementOf(choice, { codes, scales }, names) {
    const { weight, scheme, storedBits } = choice;
    const { scaleType } = scheme;
    const [codeShape, scaleShape] = spread(choice);
    const tensors: [NewTensor, NewTensor] = [
      { name: names.unused(`${weight.name}_quantized`), type: codeTypes[storedBits], shape: codeShape, data: codes },
      { name: names.unused(`${weight.name}_scale`), type: floatTypes[scaleType], shape: scaleShape, data: scales },
    ];
    const steps = [castTo(scaleType), { operator: "Mul", inputs: tensors.slice(1) }];
    return chain(choice, tensors, steps, typeof scheme.granularity !== "object", names);
  },
};

/**
 * The dimensions of codes and scales with which Mul repeats each scale over what shares it. Groups get a dimension of
 * their own.
 */
function spread({
  quantizedShape: shape,
  scheme: { axis, granularity },
}: OnnxChoice): [codes: readonly number[], scales: readonly number[]] {
  if (granularity === "tensor") return [shape, []];
  if (granularity === "channel") return [shape, shape.map((dimension, i) => (i === axis ? dimension : 1))];
  const { group, along } = granularity;
  const [before, after] = [shape.slice(0, along), shape.slice(along + 1)];
  const groups = (shape[along] as number) / group;
  return [
    [...before, groups, group, ...after],
    [...before, groups, 1, ...after],
  ];
}
