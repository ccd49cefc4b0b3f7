import { extentsOf } from "../../core/extents.js";
import { integerAttributes, type NewNode, type NewTensor } from "./file/encode.js";
import { dataType, type Node } from "./file/proto.js";
import type { Edit, Later } from "./file/splice.js";
import { bytesField } from "./file/wire.js";
import { type OnnxChoice, storedBytes } from "./way.js";
import type { WeightDtype } from "./weights.js";

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

const floatTypes = { float32: dataType.float, float16: dataType.float16 } as const;

const codeTypes = { 2: dataType.int2, 4: dataType.int4, 8: dataType.int8, 16: dataType.int16 } as const;

export function replacementOf(choice: OnnxChoice, unused: UnusedName): Replacement {
  const { quantizedShape, scheme, pattern } = choice;
  const bytes = storedBytes(choice);
  const { scaleShape } = extentsOf(quantizedShape, scheme.axis, scheme.granularity);
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
  const { weight, quantizedShape: shape, storedBits } = choice;
  const { axis = 0, granularity } = choice.scheme;
  const tensors: NewTensor[] = [
    { name: unused(`${weight.name}_quantized`), type: codeTypes[storedBits], shape, data: codes },
    {
      name: unused(`${weight.name}_scale`),
      type: floatTypes[choice.scheme.scaleType],
      shape: scaleShape,
      data: scales,
    },
  ];
  const dequantize: Step = {
    operator: "DequantizeLinear",
    inputs: tensors.slice(1),
    integers: typeof granularity === "object" ? { axis: granularity.along, block_size: granularity.group } : { axis },
  };
  const hasShape = shape.length === weight.shape.length;
  return { codes, scales, edits: [], ...finished(choice, tensors, [dequantize], hasShape, unused) };
}

/** For opsets whose DequantizeLinear has no axis, or no groups or not so many bits. */
function castAndMul(choice: OnnxChoice, { codes, scales }: Parts, unused: UnusedName): Replacement {
  const { weight, scheme, storedBits } = choice;
  const { scaleType } = scheme;
  // Mul repeats what has the size 1: the scales get the codes' dimensions, and groups a dimension of their own.
  const [codeShape, scaleShape] = spread(choice);
  const tensors: NewTensor[] = [
    { name: unused(`${weight.name}_quantized`), type: codeTypes[storedBits], shape: codeShape, data: codes },
    { name: unused(`${weight.name}_scale`), type: floatTypes[scaleType], shape: scaleShape, data: scales },
  ];
  const steps = [castTo(scaleType), { operator: "Mul", inputs: tensors.slice(1) }];
  const hasShape = typeof scheme.granularity !== "object";
  return { codes, scales, edits: [], ...finished(choice, tensors, steps, hasShape, unused) };
}

/** A node that takes what the one before it gives, and tensors after it. */
interface Step {
  readonly operator: string;
  readonly inputs: readonly NewTensor[];
  readonly integers?: Readonly<Record<string, number>>;
}

const castTo = (dtype: WeightDtype): Step => ({ operator: "Cast", inputs: [], integers: { to: floatTypes[dtype] } });

/** The nodes from the codes on, and where they are missing the steps to the weight's dimensions and type. */
function finished(
  { weight: { name, shape, dtype }, scheme: { scaleType } }: OnnxChoice,
  tensors: readonly NewTensor[],
  steps: readonly Step[],
  hasShape: boolean,
  unused: UnusedName,
): Pick<Replacement, "tensors" | "nodes"> {
  const [codes] = tensors as [NewTensor];
  const ends: Step[] = [];
  if (!hasShape) {
    const data = new Uint8Array(BigInt64Array.from(shape, BigInt).buffer);
    const target = { name: unused(`${name}_shape`), type: dataType.int64, shape: [shape.length], data };
    ends.push({ operator: "Reshape", inputs: [target] });
  }
  if (scaleType !== dtype) ends.push(castTo(dtype));
  let input = codes.name;
  const nodes = [...steps, ...ends].map(({ operator, inputs, ...integers }, i, { length }): NewNode => {
    const node = {
      name: unused(`${name}_${operator}`),
      operator,
      inputs: [input, ...inputs.map((tensor) => tensor.name)],
      output: i === length - 1 ? name : unused(`${name}_${operator}_Output`),
      ...integers,
    };
    input = node.output;
    return node;
  });
  return { tensors: [...tensors, ...ends.flatMap(({ inputs }) => inputs)], nodes };
}

/** The dimensions of codes and scales for which a product repeats each scale over what shares it. */
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

/** MatMul becomes MatMulNBits of com.microsoft, which takes codes and scales in place of the weight. */
function matMulNBits(choice: OnnxChoice, { codes, scales }: Parts, unused: UnusedName): Replacement {
  const { weight, quantizedShape } = choice;
  const { bits, granularity, scaleType } = choice.scheme;
  const [rows, columns] = quantizedShape as [number, number];
  const { group } = granularity as { group: number };
  const tensors: NewTensor[] = [
    {
      name: unused(`${weight.name}_Q4`),
      type: dataType.uint8,
      shape: [columns, rows / group, group / 2],
      data: codes,
    },
    {
      name: unused(`${weight.name}_scales`),
      type: floatTypes[scaleType],
      shape: [columns, rows / group],
      data: scales,
    },
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
