import type { Scheme } from "../../../core/scheme.js";
import { scalePlaces } from "../../../tensor/quantized-tensor.js";
import { dataType, type Node, type Tensor } from "../file/proto.js";
import type { CodeType } from "../file/tensors.js";
import { resolve, type Scope, type Value } from "../file/values.js";
import type { Pattern } from "../forms/form.js";
import type { IntegerWeight } from "./integers.js";

// A quantized weight as the structure of a model describes it, before any of its bytes are read.

/** Where a quantized weight is in the model. */
export interface Place {
  /** The node that makes the weight, or computes with its codes. */
  readonly node: Node;
  readonly codes: Value;
  readonly scales: Value;
  readonly zeroPoints: Value | undefined;
  /** The other nodes that a float weight makes needless. */
  readonly others: readonly Node[];
  /** The other constants that only those nodes need. */
  readonly constants?: readonly Value[] | undefined;
  /** The nodes that compute with the codes, where those never become the weight itself. */
  readonly integers?: IntegerWeight | undefined;
}

/** Types by TensorProto.DataType. */
export const codeTypes: Readonly<Record<number, CodeType>> = {
  [dataType.int8]: { bits: 8, signed: true },
  [dataType.uint8]: { bits: 8, signed: false },
  [dataType.int16]: { bits: 16, signed: true },
  [dataType.uint16]: { bits: 16, signed: false },
  [dataType.int4]: { bits: 4, signed: true },
  [dataType.uint4]: { bits: 4, signed: false },
  [dataType.int2]: { bits: 2, signed: true },
  [dataType.uint2]: { bits: 2, signed: false },
};

/** A quantized weight as the structure of the model describes it. */
export interface Found extends Place, ScaleSharing {
  /** The name of the weight in the float model, as far as the names in this one tell. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly pattern: Pattern;
  readonly type: CodeType;
  /** The number of codes in the file. */
  readonly codeCount: number;
  readonly zeroCount: number;
  /** The zero point, as stored, where the file has none. */
  readonly zero: number;
  /** The index of the code of a weight; by default that of the weight. */
  readonly codeAt?: (weight: number) => number;
  /** The index of a scale in the file, from its index in the order of the scheme; by default the same. */
  readonly scaleAt?: (place: number) => number;
  readonly zeroAt?: (place: number) => number;
}

/** How weights share scales. */
export interface ScaleSharing extends Pick<Scheme, "axis" | "granularity"> {
  /** The dimensions that the scheme refers to. */
  readonly quantizedShape: readonly number[];
}

/** What stands for a weight: nodes, and the values that they take. */
export interface Parts {
  readonly node: Node;
  readonly scope: Scope;
  readonly codes: Value;
  readonly scales: Value | undefined;
  /** The zero points, undefined where there are none in the file, and null where they are not known. */
  readonly zeroPoints: Value | null | undefined;
  readonly others: readonly Node[];
  readonly constants?: readonly Value[];
  readonly integers?: IntegerWeight;
}

/** Codes in the order of the weights. */
export function inOrder(pattern: Pattern, parts: Parts, layout: ScaleSharing): Found | string {
  const { quantizedShape } = layout;
  const { node, codes, scales, zeroPoints, others, constants, integers } = parts;
  if (!isFloat(scales?.tensor)) return "its scales are not float32 or float16 in the file";
  const { count } = scalePlaces(quantizedShape, layout);
  const misfit = `${countOf(scales)} scales do not fit codes of shape [${quantizedShape.join(", ")}]`;
  if (countOf(scales) !== count) return misfit;
  const tensor = codes.tensor as Tensor;
  // ConvInteger has one zero point for all channels.
  const zeroCount = pattern === "ConvInteger" ? 1 : count;
  if (zeroPoints !== undefined && (zeroPoints?.tensor?.type !== tensor.type || countOf(zeroPoints) !== zeroCount)) {
    return "its zero points must be one for each scale and have the type of the codes";
  }
  const { name, shape } = integers ? { name: stemOf(codes.name) ?? codes.name, shape: quantizedShape } : endOf(parts);
  return {
    ...{ name, shape: product(shape) === product(quantizedShape) ? shape : quantizedShape, pattern },
    ...layout,
    ...{ node, codes, scales: scales as Value, zeroPoints: zeroPoints ?? undefined, others, constants, integers },
    ...{ type: codeTypes[tensor.type] as CodeType, codeCount: product(quantizedShape), zeroCount, zero: 0 },
    ...(zeroCount !== count && { zeroAt: () => 0 }),
  };
}

/** An input of a node that may be left out: undefined where it is, and null where the model does not say what it is. */
export function optionalInput({ inputs }: Node, place: number, scope: Scope): Value | null | undefined {
  const name = inputs[place] ?? "";
  return name === "" ? undefined : (resolve(name, scope) ?? null);
}

export function integerOf({ attributes }: Node, name: string): number | undefined {
  return attributes.get(name)?.integer;
}

/** Whether a tensor can be scales. */
export function isFloat(tensor: Tensor | undefined): boolean {
  return tensor?.type === dataType.float || tensor?.type === dataType.float16;
}

/** The number of elements of a tensor; 0 where the file has none. */
export function countOf(value: Value | undefined): number {
  return value?.tensor === undefined ? 0 : product(value.tensor.shape);
}

export function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}

/** The weight's name, taken from the name of its codes as ONNX Runtime's tools form it. */
export function stemOf(codes: string): string | undefined {
  return /^(.+?)_quantized(_\d+)?$/.exec(codes)?.[1];
}

/**
 * The end of the nodes that dequantize: its output has the weight's own name. A Reshape and a Cast may come before it.
 */
export function endOf({ node, scope, codes }: Parts): { name: string; shape: readonly number[]; reshaped: boolean } {
  const stem = stemOf(codes.name);
  const { shape: start } = codes.tensor as Tensor;
  const output = scope.values.get(node.outputs[0] ?? "");
  let [value, shape, reshaped] = [output, start, false];
  for (let steps = 0; steps < 2 && value !== undefined && value.name !== stem; steps++) {
    const [use] = value.uses;
    if (use === undefined || value.uses.length > 1 || use.input !== 0) break;
    if (use.node.operator === "Reshape") {
      shape = resolve(use.node.inputs[1] ?? "", use.scope)?.tensor?.integers ?? shape;
      reshaped = true;
    } else if (use.node.operator !== "Cast") break;
    value = use.scope.values.get(use.node.outputs[0] ?? "");
  }
  if (value !== undefined && value.name === stem) return { name: stem, shape, reshaped };
  return { name: stem ?? output?.name ?? codes.name, shape: start, reshaped: false };
}
