import { byteLengthOf } from "../../tensor/dtypes.js";
import type { OnnxContents } from "./contents.js";
import { constantNodeIn, type NewNode, type NewTensor, nodeIn } from "./file/encode.js";
import { dataType, type Node } from "./file/proto.js";
import { type Edit, type Later, type Part, splice } from "./file/splice.js";
import type { Value } from "./file/values.js";
import type { Message } from "./file/wire.js";
import { turned } from "./quantized/matmul-nbits.js";
import type { QuantizedWeight } from "./quantized/quantized.js";
import type { WeightDtype } from "./weights.js";

// Turns a quantized model back into a float model: a Constant replaces the nodes that made weights of codes.

export interface FloatWeight {
  readonly weight: QuantizedWeight;
  /** The type of the scales, which is also what the operators gave. */
  readonly dtype: WeightDtype;
  /** The bytes of the weights, to be made while writing. */
  readonly data: Later;
}

const floatTypes = { float32: dataType.float, float16: dataType.float16 } as const;

export function layOutFloats(
  { proto, scopes, name }: OnnxContents,
  quantized: readonly QuantizedWeight[],
): { readonly parts: readonly Part[]; readonly floats: readonly FloatWeight[] } {
  const edits: Edit[] = [];
  const taken = new Set(scopes.flatMap(({ values }) => [...values.keys()]));
  const gone = new Set<Node>();
  const floats = quantized.map((weight): FloatWeight => {
    const { node, codes } = weight.place;
    const { graph } = codes.scope;
    const newNode = (each: NewNode) => nodeIn(graph, each);
    const constantNode = (each: NewTensor) => constantNodeIn(graph, each);
    const dtype = weight.scheme.scaleType as WeightDtype;
    const data: Later = { length: byteLengthOf(dtype, weight.quantizedShape) };
    const tensor = (name: string) => ({ name, type: floatTypes[dtype], shape: weight.quantizedShape, data });
    gone.add(node);
    const { integers, others } = weight.place;
    for (const other of others) {
      gone.add(other);
      edits.push(replace(other.message, []));
    }
    if (integers) {
      const constant = unused(weight.name, taken);
      const nodes = integers.floatNodes(constant).flatMap(newNode);
      edits.push(replace(node.message, [...constantNode(tensor(constant)), ...nodes]));
    } else if (node.operator === "MatMulNBits") {
      const [input = "", , , , , bias = ""] = node.inputs;
      if (bias !== "") throw new TypeError(`${name}: the node "${node.name}" has a bias, which cannot be kept`);
      const constant = unused(`${weight.name}_dequantized`, taken);
      const matrix = turned.test(weight.codes.name) ? unused(`${weight.name}_transposed`, taken) : constant;
      const turn = { name: "", operator: "Transpose", inputs: [constant], outputs: [matrix] };
      const matMul = newNode({
        ...{ name: node.name, operator: "MatMul", inputs: [input, matrix], outputs: node.outputs },
      });
      const nodes = [...(matrix === constant ? [] : newNode(turn)), ...matMul];
      edits.push(replace(node.message, [...constantNode(tensor(constant)), ...nodes]));
    } else {
      edits.push(replace(node.message, constantNode(tensor(node.outputs[0] as string))));
    }
    return { weight, dtype, data };
  });
  for (const { graph, values } of scopes) {
    for (const node of graph.nodes.filter(({ operator }) => operator === "DynamicQuantizeLinear")) {
      const outputs = node.outputs.flatMap((name) => values.get(name) ?? []);
      const isUsed = outputs.some(({ uses, isOutput }) => isOutput || !uses.every((use) => gone.has(use.node)));
      if (!isUsed) edits.push(replace(node.message, []));
    }
  }
  const sources = new Set<Value>();
  for (const { place } of quantized) {
    const { codes, scales, zeroPoints, constants = [] } = place;
    for (const value of [codes, scales, zeroPoints, ...constants]) if (value) sources.add(value);
  }
  for (const value of sources) {
    // A value that another node uses stays.
    if (!value.uses.every(({ node }) => gone.has(node)) || value.isOutput) continue;
    edits.push(replace(value.node?.message ?? (value.tensor?.message as Message), []));
    if (value.input) edits.push(replace(value.input, []));
  }
  return { parts: splice(proto.message, edits), floats };
}

function replace({ parent, at, end }: Message, parts: Part[]): Edit {
  return { message: parent as Message, start: at, end, parts };
}

function unused(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}
