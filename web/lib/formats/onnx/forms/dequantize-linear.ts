import type { NewTensor } from "../file/encode.js";
import type { Weight } from "../weights.js";
import { chain } from "./chain.js";
import { codeTypes, type Form, floatTypes, since } from "./form.js";
import { layoutOf, storageNotes, storedBitsOf } from "./layouts.js";

/** DequantizeLinear makes the weight of codes, scales and zero points. */
export const dequantizeLinear: Form = {
  pattern: "DequantizeLinear",
  wayOf(weight, wish) {
    const { bits, axis, opset } = wish;
    const { granularity, quantizedShape, storedShape, notes } = layoutOf(weight, wish);
    const storedBits = storedBitsOf(wish);
    const needed = typeof granularity === "object" || storedBits !== 8 ? since.int4 : since.axis;
    if (opset < needed) return `DequantizeLinear holds it from opset ${needed} on, and this is ${opset}`;
    if (goesThroughBareTranspose(weight))
      return "ONNX Runtime fails on DequantizeLinear before a Transpose without perm";
    return {
      scheme: {
        bits,
        axis: granularity === "channel" ? axis : undefined,
        granularity,
        // The output has the type of the scales.
        scaleType: opset >= since.float16 ? weight.dtype : "float32",
      },
      quantizedShape,
      storedShape,
      storedBits,
      notes: [...notes, ...storageNotes(wish, storedBits)],
    };
  },
  replacementOf(choice, { codes, scales, zeroPoints, scaleShape }, names) {
    const { weight, quantizedShape, storedShape: shape = quantizedShape, storedBits } = choice;
    const { axis = 0, granularity, scaleType } = choice.scheme;
    const type = codeTypes[storedBits];
    const zeros = { name: `${weight.name}_zero_point`, type, shape: scaleShape, data: zeroPoints };
    const tensors: [NewTensor, ...NewTensor[]] = [
      { name: names.unused(`${weight.name}_quantized`), type, shape, data: codes },
      { name: names.unused(`${weight.name}_scale`), type: floatTypes[scaleType], shape: scaleShape, data: scales },
      ...(choice.scheme.zeroPoints ? [{ ...zeros, name: names.unused(zeros.name) }] : []),
    ];
    const step = {
      operator: "DequantizeLinear",
      inputs: tensors.slice(1).map(({ name }) => name),
      integers: typeof granularity === "object" ? { axis: granularity.along, block_size: granularity.group } : { axis },
    };
    return chain(choice, tensors, [step], shape.length === weight.shape.length, names);
  },
};

/** ONNX Runtime 1.30 crashes where DequantizeLinear comes before a Transpose without perm. */
function goesThroughBareTranspose({ place }: Weight): boolean {
  return place.moves.some(({ operator, attributes }) => operator === "Transpose" && !attributes.has("perm"));
}
