import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  type GraphProto,
  type GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";

// Models written and read with another implementation of protocol buffers and ONNX's messages.

/** The argument that makes a message. */
type Init<S extends DescMessage> = Extract<MessageInitShape<S>, { readonly $typeName?: never }>;
export type TensorInit = Init<typeof TensorProtoSchema>;
export type NodeInit = Init<typeof NodeProtoSchema>;
export type GraphInit = Init<typeof GraphProtoSchema>;
type ValueInit = Init<typeof ValueInfoProtoSchema>;

export const dataType = TensorProto_DataType;

/** A tensor with its values as raw bytes. */
export function tensor(name: string, shape: readonly number[], values: Float32Array | BigInt64Array): TensorInit {
  return {
    name,
    dims: shape.map(BigInt),
    dataType: values instanceof Float32Array ? dataType.FLOAT : dataType.INT64,
    rawData: new Uint8Array(values.slice().buffer),
  };
}

export function integers(name: string, values: readonly number[]): TensorInit {
  return tensor(name, [values.length], BigInt64Array.from(values, BigInt));
}

type Attribute =
  | number
  | { float: number }
  | { floats: readonly number[] }
  | string
  | readonly number[]
  | TensorInit
  | { graph: GraphInit };

/** A node, named after its first output. */
export function node(
  opType: string,
  input: string[],
  output: string[],
  attributes: Record<string, Attribute> = {},
): NodeInit {
  return {
    opType,
    input,
    output,
    name: `${output[0]} node`,
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attribute(value) })),
  };
}

function attribute(value: Attribute): Init<typeof AttributeProtoSchema> {
  if (typeof value === "number") return { type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  if (typeof value === "string") {
    return { type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ("float" in value) return { type: AttributeProto_AttributeType.FLOAT, f: value.float };
  if ("floats" in value) return { type: AttributeProto_AttributeType.FLOATS, floats: [...value.floats] };
  if (Array.isArray(value)) return { type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
  if ("graph" in value) return { type: AttributeProto_AttributeType.GRAPH, g: value.graph };
  return { type: AttributeProto_AttributeType.TENSOR, t: value as TensorInit };
}

/** A scalar input or output. */
export function scalar(name: string, elemType: TensorProto_DataType): ValueInit {
  return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim: [] } } } } };
}

/** A float input or output. Sizes that are not given are left open, and so are all sizes without a shape. */
export function float(name: string, shape?: readonly (number | undefined)[]): ValueInit {
  const dim = shape?.map((size, i) => ({
    value:
      size === undefined
        ? { case: "dimParam" as const, value: `${name}${i}` }
        : { case: "dimValue" as const, value: BigInt(size) },
  }));
  const type = { elemType: dataType.FLOAT, ...(dim && { shape: { dim } }) };
  return { name, type: { value: { case: "tensorType", value: type } } };
}

export interface ModelInit {
  opset: number;
  graph: GraphInit;
  irVersion?: number;
  /** The domains of operators that are not ONNX's own. */
  domains?: readonly string[];
  /** The model's own functions, in the domain "local". */
  functions?: { name: string; input: string[]; output: string[]; node: NodeInit[] }[];
}

export function modelBytes({
  opset,
  graph,
  irVersion = 10,
  domains = [],
  functions = [],
}: ModelInit): Uint8Array<ArrayBuffer> {
  const own = { domain: "", version: BigInt(opset) };
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    opsetImport: [
      own,
      ...(functions.length > 0 ? ["local", ...domains] : domains).map((domain) => ({ domain, version: 1n })),
    ],
    producerName: "channelwise tests",
    graph: { name: "graph", ...graph },
    functions: functions.map((each) => ({
      ...each,
      domain: "local",
      opsetImport: [own, { domain: "local", version: 1n }],
    })),
  });
  return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
}

export function parse(bytes: Uint8Array): ModelProto & { graph: GraphProto } {
  const model = fromBinary(ModelProtoSchema, bytes);
  if (model.graph === undefined) throw new Error("the model has no graph");
  return model as ModelProto & { graph: GraphProto };
}

/** Every graph of a model: its own, and those in attributes of nodes. */
export function graphsOf(graph: GraphProto): GraphProto[] {
  const inner = graph.node.flatMap(({ attribute }) =>
    attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs)),
  );
  return [graph, ...inner.flatMap(graphsOf)];
}

/** Every tensor of a model by name: initializers, and the values of Constant nodes under the names of their outputs. */
export function tensorsOf(bytes: Uint8Array): Map<string, TensorProto> {
  const tensors = new Map<string, TensorProto>();
  for (const { initializer, node } of graphsOf(parse(bytes).graph)) {
    for (const each of initializer) tensors.set(each.name, each);
    for (const { opType, attribute, output } of node) {
      if (opType === "Constant" && attribute[0].t) tensors.set(output[0], attribute[0].t);
    }
  }
  return tensors;
}

/** The same model with other float values in some tensors. */
export function withValues(bytes: Uint8Array, values: ReadonlyMap<string, Float32Array>): Uint8Array<ArrayBuffer> {
  const model = parse(bytes);
  for (const { initializer, node } of graphsOf(model.graph)) {
    for (const each of initializer) replace(each, values.get(each.name));
    for (const { opType, attribute, output } of node) {
      if (opType === "Constant" && attribute[0].t) replace(attribute[0].t, values.get(output[0]));
    }
  }
  return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
}

function replace(tensor: TensorProto, values: Float32Array | undefined) {
  if (values === undefined) return;
  tensor.rawData = new Uint8Array(values.slice().buffer);
  tensor.floatData = [];
}

export function operatorsOf({ node }: GraphProto): string[] {
  return node.map(({ opType }) => opType);
}
