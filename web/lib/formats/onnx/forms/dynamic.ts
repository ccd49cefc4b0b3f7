import type { NewNode, NewTensor } from "../file/encode.js";
import { dataType } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import type { Use } from "../file/values.js";
import type { Consumer } from "../uses/consumers.js";
import { codeTypeOf, type Form, type Names, type OnnxChoice, symmetricZeros } from "./form.js";
import { integerProduct, replacedBy, type Stored, storedNames, whyNoIntegers } from "./integer-product.js";
import { storageNotes } from "./layouts.js";
import { isProduct, isTransposed, turnsMatrix } from "./products.js";

// Writes what quantize_dynamic of ONNX Runtime's tools makes of MatMul, with the same names of nodes and tensors
// (onnxruntime/python/tools/quantization/operators/matmul.py). Runtimes recognise these nodes and fuse them.

/**
 * MatMul becomes MatMulInteger of the weight's codes and codes of the activations, which DynamicQuantizeLinear makes
 * while the model runs. Gemm becomes the same, followed by an Add for its bias; codes are transposed where Gemm
 * or a Transpose before it transposes its weight.
 */
export const dynamic: Form = {
  pattern: "MatMulInteger",
  wayOf(weight, wish) {
    const { bits, axis, granularity, weightType } = wish;
    const why = whyNoIntegers("MatMulInteger", wish);
    if (why !== undefined) return why;
    if (typeof granularity === "object") return "MatMulInteger takes no groups";
    if (weight.dtype !== "float32") return `DynamicQuantizeLinear takes float32, not ${weight.dtype}`;
    const { consumers } = weight.place;
    const [first] = consumers;
    if (weight.shape.length !== 2) return "MatMulInteger is written for matrices";
    const others = consumers.find(({ use, via }) => !via.every(turnsMatrix) || !isProduct(use));
    if (others !== undefined) return `${others.use.node.operator} is no MatMul of its second input`;
    if (granularity === "channel" && !consumers.every((each) => channelAxis(each) === axis)) {
      return `MatMulInteger has its scales along axis ${channelAxis(first as Consumer)}, not ${axis}`;
    }
    return {
      scheme: { bits, axis: granularity === "channel" ? axis : undefined, granularity, scaleType: "float32" },
      quantizedShape: weight.shape,
      storedBits: 8,
      unsigned: weightType === "uint8",
      notes: storageNotes(wish, 8),
      zeroPointBytes: granularity === "channel" ? (weight.shape[axis] as number) : 1,
    };
  },
  replacementOf(choice, { codes, scales, zeroPoints, scaleShape }, names) {
    const { weight, scheme } = choice;
    const { name, shape, place } = weight;
    const type = codeTypeOf(choice);
    const stored = storedNames(name, names);
    const zeros = symmetricZeros(choice, zeroPoints.length);
    const tensors: NewTensor[] = [
      { name: stored.codes, type, shape, data: codes },
      { name: stored.scale, type: dataType.float, shape: scaleShape, data: scales },
      { name: stored.zeroPoint, type, shape: scaleShape, data: scheme.zeroPoints ? zeroPoints : zeros },
    ];
    const transposed = transposedCodes(choice, stored, names);
    const edits = place.consumers.map((consumer): Edit => {
      const matrix = isTransposed(consumer) ? { ...stored, codes: transposed.outputs[0] as string } : stored;
      return replacedBy(consumer.use.node, productOf(consumer.use, matrix, names));
    });
    for (const node of place.moves) edits.push(replacedBy(node, []));
    return { tensors, nodes: place.consumers.some(isTransposed) ? [transposed] : [], edits };
  },
};

const channelAxis = (consumer: Consumer) => (isTransposed(consumer) ? 0 : 1);

/** Runtimes transpose the codes once, on loading. */
function transposedCodes({ weight: { name } }: OnnxChoice, { codes }: Stored, { unused }: Names): NewNode {
  return {
    name: unused(`${name}_quantized_Transpose`),
    operator: "Transpose",
    inputs: [codes],
    outputs: [unused(`${name}_quantized_transposed`)],
  };
}

/** The nodes in place of a MatMul, or of a Gemm as MatMul and Add. */
function productOf({ node, scope }: Use, matrix: Stored, names: Names): NewNode[] {
  const [output = ""] = node.outputs;
  const [, , added = ""] = node.inputs;
  const integerMatMul = (name: string, output: string) =>
    integerProduct("MatMulInteger", { node, scope }, matrix, names, { name, output });
  if (node.operator === "MatMul") return integerMatMul(node.name, output);
  const ofNode = (suffix: string) => (node.name === "" ? "" : names.unused(`${node.name}_${suffix}`));
  const matMul = ofNode("MatMul");
  if (added === "") return integerMatMul(matMul, output);
  const product = names.unused(`${output}_MatMul`);
  return [
    ...integerMatMul(matMul, product),
    { name: ofNode("Add"), operator: "Add", inputs: [product, added], outputs: [output] },
  ];
}
