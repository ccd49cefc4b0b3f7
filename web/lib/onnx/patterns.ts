import { makePlan } from "../plan.js";
import { integerAttributes, type NewNode, type NewTensor } from "./encode.js";
import { type OnnxChoice, storedBytes } from "./plan.js";
import { dataType, type Node } from "./proto.js";
import type { Edit, Later } from "./splice.js";
import { bytesField } from "./wire.js";

// How codes and scales become weights again inside the model.

/** What stands in a weight's place. The names are those of ONNX Runtime's tools. */
export interface Replacement {
  readonly codes: Later;
  readonly scales: Later;
  /** Those of codes and scales are among them. */
  readonly tensors: readonly NewTensor[];
  /** The last gives the weight under its own name, so that what takes it stays as it is. */
  readonly nodes: readonly NewNode[];
  /** Changes of the nodes that take it, where it is no longer there. */
  readonly edits: readonly Edit[];
}

/** Gives a name that the model does not have, like the one wanted. */
export type UnusedName = (wanted: string) => string;

export const microsoftDomain = "com.microsoft";

const codeTypes = { 2: dataType.int2, 4: dataType.int4, 8: dataType.int8, 16: dataType.int16 } as const;

export function replacementOf(choice: OnnxChoice, unused: UnusedName): Replacement {
  const { shape, axis, granularity, pattern } = choice;
  const bytes = storedBytes(choice);
  const { scaleShape } = makePlan(shape, axis, granularity);
  const parts: Parts = { codes: { length: bytes.codes }, scales: { length: bytes.scales }, scaleShape };
  if (pattern === "MatMulNBits") return matMulNBits(choice, parts, unused);
  return pattern === "DequantizeLinear" ? dequantizeLinear(choice, parts, unused) : castAndMul(choice, parts, unused);
}

interface Parts {
  readonly codes: Later;
  readonly scales: Later;
  readonly scaleShape: readonly number[];
}

function dequantizeLinear(choice: OnnxChoice, { codes, scales, scaleShape }: Parts, unused: UnusedName): Replacement {
  const { shape, axis, granularity, storedBits } = choice;
  const { name, shape: stored } = choice.weight;
  const joined = shape.length !== stored.length;
  const tensors: NewTensor[] = [
    { name: unused(`${name}_quantized`), type: codeTypes[storedBits], shape, data: codes },
    { name: unused(`${name}_scale`), type: dataType.float, shape: scaleShape, data: scales },
  ];
  const dequantize: NewNode = {
    name: unused(`${name}_DequantizeLinear`),
    operator: "DequantizeLinear",
    inputs: tensors.map((tensor) => tensor.name),
    output: joined ? unused(`${name}_joined`) : name,
    integers: typeof granularity === "object" ? { axis: granularity.along, block_size: granularity.group } : { axis },
  };
  return { codes, scales, edits: [], ...(joined ? reshaped : plain)(choice, tensors, [dequantize], unused) };
}

/** For opsets whose DequantizeLinear has no axis, or no groups or not so many bits. */
function castAndMul(choice: OnnxChoice, { codes, scales }: Parts, unused: UnusedName): Replacement {
  const { granularity, storedBits } = choice;
  const { name } = choice.weight;
  const grouped = typeof granularity === "object";
  // Mul repeats what has the size 1: the scales get the codes' dimensions, and groups a dimension of their own.
  const [codeShape, scaleShape] = spread(choice);
  const tensors: NewTensor[] = [
    { name: unused(`${name}_quantized`), type: codeTypes[storedBits], shape: codeShape, data: codes },
    { name: unused(`${name}_scale`), type: dataType.float, shape: scaleShape, data: scales },
  ];
  const [codeName, scaleName] = tensors.map((tensor) => tensor.name) as [string, string];
  const cast: NewNode = {
    name: unused(`${name}_Cast`),
    operator: "Cast",
    inputs: [codeName],
    output: unused(`${name}_cast`),
    integers: { to: dataType.float },
  };
  const multiply: NewNode = {
    name: unused(`${name}_Mul`),
    operator: "Mul",
    inputs: [cast.output, scaleName],
    output: grouped ? unused(`${name}_grouped`) : name,
  };
  return { codes, scales, edits: [], ...(grouped ? reshaped : plain)(choice, tensors, [cast, multiply], unused) };
}

/** The dimensions of codes and scales for which a product repeats each scale over what shares it. */
function spread({ shape, axis, granularity }: OnnxChoice): [codes: readonly number[], scales: readonly number[]] {
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

function plain(_: OnnxChoice, tensors: readonly NewTensor[], nodes: readonly NewNode[]) {
  return { tensors, nodes };
}

/** With a Reshape at the end, to the dimensions the weight had. */
function reshaped(
  { weight: { name, shape } }: OnnxChoice,
  tensors: readonly NewTensor[],
  nodes: readonly NewNode[],
  unused: UnusedName,
) {
  const target: NewTensor = {
    name: unused(`${name}_shape`),
    type: dataType.int64,
    shape: [shape.length],
    data: new Uint8Array(BigInt64Array.from(shape, BigInt).buffer),
  };
  const reshape: NewNode = {
    name: unused(`${name}_Reshape`),
    operator: "Reshape",
    inputs: [(nodes.at(-1) as NewNode).output, target.name],
    output: name,
  };
  return { tensors: [...tensors, target], nodes: [...nodes, reshape] };
}

/** MatMul becomes MatMulNBits of com.microsoft, which takes codes and scales in place of the weight. */
function matMulNBits(choice: OnnxChoice, { codes, scales }: Parts, unused: UnusedName): Replacement {
  const { weight, bits, granularity, shape } = choice;
  const [rows, columns] = shape as [number, number];
  const { group } = granularity as { group: number };
  const tensors: NewTensor[] = [
    {
      name: unused(`${weight.name}_Q4`),
      type: dataType.uint8,
      shape: [columns, rows / group, group / 2],
      data: codes,
    },
    { name: unused(`${weight.name}_scales`), type: dataType.float, shape: [columns, rows / group], data: scales },
  ];
  // With accuracy_level 1 the products are computed in float32.
  const integers = { K: weight.shape[0] as number, N: columns, bits, block_size: group, accuracy_level: 1 };
  const edits = weight.place.consumers.flatMap(({ use }) => renamed(use.node, tensors, integers));
  return { codes, scales, tensors, nodes: [], edits };
}

function renamed({ message, fields }: Node, tensors: readonly NewTensor[], integers: Record<string, number>): Edit[] {
  const { inputs, operator, domain } = fields;
  const edit = (at: { at: number; end: number }, bytes: number[]): Edit => {
    return { message, start: at.at, end: at.end, parts: [Uint8Array.from(bytes)] };
  };
  const inDomain = bytesField(7, microsoftDomain);
  const changed = [...bytesField(4, "MatMulNBits"), ...(domain ? [] : inDomain), ...integerAttributes(integers)];
  return [
    edit(
      inputs[1] as NonNullable<(typeof inputs)[1]>,
      tensors.flatMap(({ name }) => bytesField(1, name)),
    ),
    edit(operator, changed),
    ...(domain ? [edit(domain, inDomain)] : []),
  ];
}
