import { type Consumer, consumersOf, named } from "./axes.js";
import { dataType, type Node, type Proto, type Tensor } from "./proto.js";
import { type ExternalFiles, floatSource, sizeOf } from "./tensors.js";
import type { Scope, Value } from "./values.js";

// Which tensors of a model are weights that can be quantized, and why the others cannot.

/** A tensor of float32 that Conv, ConvTranspose, MatMul, Gemm or Gather takes its weights from, and nothing else. */
export interface Weight {
  readonly name: string;
  readonly dtype: "float32";
  readonly shape: readonly number[];
  /** Of the output channels, in the tensor as it is stored; where its users differ, that of the first. */
  readonly axis: number;
  /** The operators that take it, each once. */
  readonly operators: readonly string[];
  /** The names of the nodes that take it. */
  readonly nodes: readonly string[];
  /** Elements. */
  readonly length: number;
  /** As float32. */
  readonly byteLength: number;
  /** `count` elements from `start` on, in row-major order. */
  read(start: number, count: number): Promise<Float32Array<ArrayBuffer>>;
  /** @internal */
  readonly place: WeightPlace;
}

/** Where a weight is in the model, and what takes it. */
interface WeightPlace {
  readonly value: Value;
  readonly tensor: Tensor;
  readonly consumers: readonly Consumer[];
}

/** A float tensor that stays as it is. */
export interface KeptTensor {
  readonly name: string;
  readonly dtype: FloatDtype;
  readonly shape: readonly number[];
  readonly reason: string;
}

type FloatDtype = "float32" | "float16" | "bfloat16" | "float64";

const floatTypes: Readonly<Record<number, FloatDtype>> = {
  [dataType.float]: "float32",
  [dataType.float16]: "float16",
  [dataType.bfloat16]: "bfloat16",
  [dataType.double]: "float64",
};

export function findWeights(proto: Proto, scopes: readonly Scope[], files: ExternalFiles) {
  const weights: Weight[] = [];
  const kept: KeptTensor[] = [];
  for (const scope of scopes) {
    for (const value of scope.values.values()) {
      const { tensor, name } = value;
      const dtype = tensor && floatTypes[tensor.type];
      if (tensor === undefined || dtype === undefined) continue;
      const found = weightOf(value, tensor, proto, files);
      if (typeof found === "string") kept.push({ name, dtype, shape: tensor.shape, reason: found });
      else weights.push(found);
    }
  }
  return { weights, kept };
}

/** A weight, or why the tensor is none. */
function weightOf(value: Value, tensor: Tensor, proto: Proto, files: ExternalFiles): Weight | string {
  const { shape, type } = tensor;
  const size = sizeOf(tensor, proto.reader);
  if (shape.length < 2) return shape.length === 0 ? "a single number" : "a vector";
  if (size === 0) return "it is empty";
  if (type !== dataType.float) return `${floatTypes[type]}; weights of float32 are quantized`;
  if (tensor.segmented) return "stored in segments, an obsolete way";
  if (value.isOutput) return "also an output of the graph, which must stay exact";
  // Before version 4 every initializer had to be an input; after it, one that is can be given another value.
  if (value.isInput && proto.irVersion >= 4) return "also an input of the graph, for which other values can be given";
  const consumers = consumersOf(value, shape);
  const refused = consumers.find((consumer) => "reason" in consumer);
  if (refused !== undefined && "reason" in refused) return refused.reason;
  const [first] = consumers;
  if (first === undefined || !("axis" in first)) return "no node takes it";
  const nodes = consumers.map(({ use }) => use.node);
  return {
    name: value.name,
    dtype: "float32",
    shape,
    axis: first.axis,
    operators: [...new Set(nodes.map(({ operator }) => operator))],
    nodes: nodes.map(({ name, outputs }) => name || (outputs[0] ?? "")),
    ...floatSource(tensor, proto.reader, files),
    place: { value, tensor, consumers },
  };
}

/** Operators whose presence says that a model is quantized already. */
const quantizedOperators = new Set([
  ..."QuantizeLinear DequantizeLinear DynamicQuantizeLinear ConvInteger MatMulInteger QLinearConv QLinearMatMul".split(
    " ",
  ),
  ..."MatMulNBits GatherBlockQuantized MatMulBnb4 QGemm DynamicQuantizeMatMul MatMulIntegerToFloat".split(" "),
]);

/** The first node of a model that computes with codes. */
export function quantizedNode(scopes: readonly Scope[]): { node: Node; what: string } | undefined {
  for (const { graph } of scopes) {
    const node = graph.nodes.find(({ operator }) => quantizedOperators.has(operator));
    if (node) return { node, what: named(node) };
  }
  return undefined;
}
