import type { Graph, Node } from "./proto.js";
import { type Later, lengthOf, type Part, totalLength } from "./splice.js";
import { bytesField, bytesHead, varintField } from "./wire.js";

// Encodes new messages.

/** AttributeProto.AttributeType. */
const attributeType = { integer: 2, text: 3, tensor: 4, integers: 7 } as const;

export interface NewTensor {
  readonly name: string;
  /** A value of TensorProto.DataType. */
  readonly type: number;
  readonly shape: readonly number[];
  readonly data: Uint8Array | Later;
}

export interface NewNode {
  /** The name, or "" for a tensor without one. */
  readonly name: string;
  readonly operator: string;
  /** The domain of the operator; ONNX's own if undefined. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly integers?: Readonly<Record<string, number>>;
  /** The attributes that are lists of integers. */
  readonly lists?: Readonly<Record<string, readonly number[]>>;
  /** A node of the file whose attributes it has too. */
  readonly like?: Node;
}

/** A graph, or a function of the model. */
type NodeHolder = Pick<Graph, "nodeField">;

const inGraph: NodeHolder = { nodeField: 1 };

/** The place of data in a file beside the model. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
}

/** A field with a message made of `content`. */
function messageField(id: number, content: readonly Part[]): Part[] {
  return [Uint8Array.from(bytesHead(id, totalLength(content))), ...content];
}

/** The content of a TensorProto. */
function tensorContent({ name, type, shape, data }: NewTensor, external: ExternalPlace | undefined): Part[] {
  const head = [
    ...shape.flatMap((dimension) => varintField(1, dimension)),
    ...varintField(2, type),
    ...bytesField(8, name),
  ];
  if (external) return [Uint8Array.from([...head, ...externalFields(external, lengthOf(data))])];
  return [Uint8Array.from([...head, ...bytesHead(9, lengthOf(data))]), data];
}

/** The fields of a TensorProto that give the place of external data. */
export function externalFields({ location, offset }: ExternalPlace, length: number): number[] {
  const entries = Object.entries({ location, offset: String(offset), length: String(length) });
  const fields = entries.flatMap(([key, value]) => bytesField(13, [...bytesField(1, key), ...bytesField(2, value)]));
  return [...fields, ...varintField(14, 1)];
}

/** The field of an initializer in a GraphProto. */
export function initializer(tensor: NewTensor, external?: ExternalPlace): Part[] {
  return messageField(5, tensorContent(tensor, external));
}

/** The field of a Constant node in a GraphProto. */
export function constantNode(tensor: NewTensor): Part[] {
  return constantNodeIn(inGraph, tensor);
}

export function constantNodeIn({ nodeField }: NodeHolder, tensor: NewTensor): Part[] {
  const head = Uint8Array.from([
    ...bytesField(2, tensor.name),
    ...bytesField(3, tensor.name),
    ...bytesField(4, "Constant"),
  ]);
  return messageField(nodeField, [head, ...tensorAttribute({ ...tensor, name: "value" }, tensor.name)]);
}

/** The field of an attribute that is a tensor in a NodeProto, with the name of the tensor. */
export function tensorAttribute(tensor: NewTensor, name = ""): Part[] {
  const value = messageField(5, tensorContent({ ...tensor, name }, undefined));
  return messageField(5, [
    Uint8Array.from(bytesField(1, tensor.name)),
    ...value,
    Uint8Array.from(varintField(20, attributeType.tensor)),
  ]);
}

export function integerAttributes(integers: Readonly<Record<string, number>>): number[] {
  return Object.entries(integers).flatMap(([name, value]) =>
    bytesField(5, [...bytesField(1, name), ...varintField(3, value), ...varintField(20, attributeType.integer)]),
  );
}

export function textAttributes(texts: Readonly<Record<string, string>>): number[] {
  return Object.entries(texts).flatMap(([name, text]) =>
    bytesField(5, [...bytesField(1, name), ...bytesField(4, text), ...varintField(20, attributeType.text)]),
  );
}

function listAttributes(lists: Readonly<Record<string, readonly number[]>>): number[] {
  return Object.entries(lists).flatMap(([name, values]) => {
    const items = values.flatMap((value) => varintField(8, value));
    return bytesField(5, [...bytesField(1, name), ...items, ...varintField(20, attributeType.integers)]);
  });
}

/** The field of a node in a GraphProto. */
export function node(content: NewNode): Part[] {
  return nodeIn(inGraph, content);
}

export function nodeIn(
  { nodeField }: NodeHolder,
  { name, operator, domain, inputs, outputs, integers = {}, lists = {}, like }: NewNode,
): Part[] {
  const attributes = [...(like?.attributes.values() ?? [])];
  return messageField(nodeField, [
    Uint8Array.from([
      ...inputs.flatMap((input) => bytesField(1, input)),
      ...outputs.flatMap((output) => bytesField(2, output)),
      ...(name === "" ? [] : bytesField(3, name)),
      ...bytesField(4, operator),
      ...integerAttributes(integers),
      ...listAttributes(lists),
      ...(domain === undefined ? [] : bytesField(7, domain)),
    ]),
    ...attributes.map(({ message: { at, end } }) => ({ start: at, end })),
  ]);
}

export function operatorSet(domain: string, version: number): Part[] {
  return [Uint8Array.from(bytesField(8, [...bytesField(1, domain), ...varintField(2, version)]))];
}
