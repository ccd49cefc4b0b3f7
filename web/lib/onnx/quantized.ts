import type { Granularity } from "../types.js";
import { named } from "./axes.js";
import { microsoftDomain } from "./patterns.js";
import type { Pattern } from "./plan.js";
import { dataType, type Node, type Tensor } from "./proto.js";
import { codeSource, type ExternalFiles, floatSource } from "./tensors.js";
import { resolve, type Scope, type Value } from "./values.js";
import type { WireReader } from "./wire.js";

// The weights of a model that is quantized already: codes, scales and zero points, and how they become weights again.

/** A weight that is stored as codes and scales. */
export interface QuantizedWeight {
  /** That it had in the float model, as far as the names of what stands for it say. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Bits that a code takes in the file; it may have been made with fewer. */
  readonly bits: 2 | 4 | 8 | 16;
  /** The channel axis; undefined where no scale is that of a channel. */
  readonly axis: number | undefined;
  readonly granularity: Granularity;
  readonly pattern: Pattern;
  /** Of codes, scales and zero points. */
  readonly byteLength: number;
  /** Its weights in row-major order, some at a time: (code - zero point) * scale in float32, not rounded to float16. */
  dequantized(): AsyncGenerator<{ start: number; values: Float32Array<ArrayBuffer> }>;
  /** @internal */
  readonly place: Place;
}

/** What stands for a weight. */
interface Place {
  /** That makes it, or takes it. */
  readonly node: Node;
  readonly codes: Value;
  readonly scales: Value;
  readonly zeroPoints: Value | undefined;
}

/** Codes that are not read, and why. */
export interface UnreadableWeight {
  readonly name: string;
  /** Of the codes. */
  readonly byteLength: number;
  readonly reason: string;
}

/** How integers lie in bytes: those of fewer than 8 bits from the lowest bits on. */
export interface CodeType {
  readonly bits: 2 | 4 | 8 | 16;
  readonly signed: boolean;
}

/** By TensorProto.DataType. */
const codeTypes: Readonly<Record<number, CodeType>> = {
  [dataType.int8]: { bits: 8, signed: true },
  [dataType.uint8]: { bits: 8, signed: false },
  [dataType.int16]: { bits: 16, signed: true },
  [dataType.uint16]: { bits: 16, signed: false },
  [dataType.int4]: { bits: 4, signed: true },
  [dataType.uint4]: { bits: 4, signed: false },
  [dataType.int2]: { bits: 2, signed: true },
  [dataType.uint2]: { bits: 2, signed: false },
};

/** A quantized weight, of which nothing but the model's structure is read. */
interface Found extends Place, Pick<QuantizedWeight, "name" | "shape" | "axis" | "granularity" | "pattern"> {
  readonly type: CodeType;
  /** How many there are in the file. */
  readonly codeCount: number;
  readonly zeroCount: number;
  /** Of codes without zero points. */
  readonly zero: number;
  /** Where code, zero point and scale of a weight are; codes without are in the order of the weights. */
  readonly codeAt?: (weight: number) => number;
  readonly zeroAt: (weight: number) => number;
  readonly scaleAt: (weight: number) => number;
}

/** Operators whose presence says that a model is quantized already. */
const quantizedOperators = new Set([
  ..."QuantizeLinear DequantizeLinear DynamicQuantizeLinear ConvInteger MatMulInteger QLinearConv QLinearMatMul".split(
    " ",
  ),
  ..."MatMulNBits GatherBlockQuantized MatMulBnb4 QGemm DynamicQuantizeMatMul MatMulIntegerToFloat".split(" "),
]);

/** The first node of a model that computes with codes. */
export function quantizedNode(scopes: readonly Scope[], found: readonly Found[]): Node | undefined {
  for (const { graph } of scopes) {
    const node = graph.nodes.find(({ operator }) => quantizedOperators.has(operator));
    if (node) return node;
  }
  return found[0]?.node;
}

/** Finds the quantized weights of a model, each once. */
export function findQuantized(scopes: readonly Scope[]): {
  readonly found: readonly Found[];
  readonly unreadable: readonly UnreadableWeight[];
} {
  const found: Found[] = [];
  const unreadable: UnreadableWeight[] = [];
  const seen = new Set<Value>();
  for (const scope of scopes) {
    for (const node of scope.graph.nodes) {
      const codes = codesOf(node, scope);
      if (codes === undefined || seen.has(codes)) continue;
      seen.add(codes);
      const weight = weightOf(node, scope, codes);
      if (typeof weight !== "string") {
        found.push(weight);
        continue;
      }
      const { bits } = codeTypes[(codes.tensor as Tensor).type] as CodeType;
      const byteLength = Math.ceil((countOf(codes) * bits) / 8);
      unreadable.push({ name: stemOf(codes.name) ?? codes.name, byteLength, reason: weight });
    }
  }
  return { found, unreadable };
}

/** The codes among the inputs of a node that takes some. */
function codesOf(node: Node, scope: Scope): Value | undefined {
  const inputs = node.inputs.map((name) => resolve(name, scope));
  const isCodes = (value: Value | undefined) => codeTypes[value?.tensor?.type ?? 0] !== undefined;
  if (node.operator === "Mul" && node.domain === "") {
    const cast = inputs.find((value) => value?.node?.operator === "Cast" && value.uses.length === 1);
    const codes = resolve(cast?.node?.inputs[0] ?? "", cast?.scope);
    // A mask may be unsigned.
    const { type = 0, shape = [] } = codes?.tensor ?? {};
    return codeTypes[type]?.signed && shape.length > 1 && scalesOfMul(node, scope) ? codes : undefined;
  }
  if (!quantizedOperators.has(node.operator)) return undefined;
  // Of other operators the zero points of what is computed are vectors or single numbers.
  const least = node.operator === "DequantizeLinear" || node.operator === "MatMulNBits" ? 0 : 2;
  return inputs.find((value) => isCodes(value) && (value?.tensor?.shape.length ?? 0) >= least);
}

/** The input of Mul that is a tensor of floats. */
function scalesOfMul({ inputs }: Node, scope: Scope): Value | undefined {
  return inputs.map((name) => resolve(name, scope)).find((value) => isFloat(value?.tensor));
}

function isFloat(tensor: Tensor | undefined): boolean {
  return tensor?.type === dataType.float || tensor?.type === dataType.float16;
}

/** A weight, or why its codes are not read. */
function weightOf(node: Node, scope: Scope, codes: Value): Found | string {
  if (node.operator === "Mul") return castAndMul(node, scope, codes);
  if (node.operator === "DequantizeLinear" && node.domain === "") return dequantizeLinear(node, scope, codes);
  if (node.operator === "MatMulNBits" && node.domain === microsoftDomain) return matMulNBits(node, scope, codes);
  return `${named(node)} takes its codes, which is not read`;
}

function dequantizeLinear(node: Node, scope: Scope, codes: Value): Found | string {
  if (codes.name !== node.inputs[0]) return `${named(node)} makes it of what is not in the file`;
  const { shape } = codes.tensor as Tensor;
  const scales = resolve(node.inputs[1] ?? "", scope);
  const given = integerOf(node, "axis") ?? 1;
  const axis = given < 0 ? given + shape.length : given;
  const group = integerOf(node, "block_size") ?? 0;
  const granularity = group > 0 ? { group, along: axis } : countOf(scales) === 1 ? "tensor" : "channel";
  if (granularity !== "tensor" && !(axis >= 0 && axis < shape.length)) return `${named(node)} has an axis it lacks`;
  const layout = { shape, axis: granularity === "channel" ? axis : undefined, granularity } as const;
  return inOrder("DequantizeLinear", { node, scope, codes, scales }, layout);
}

/** The product repeats what has the size 1. */
function castAndMul(node: Node, scope: Scope, codes: Value): Found | string {
  const { shape } = codes.tensor as Tensor;
  const scales = scalesOfMul(node, scope) as Value;
  const { shape: given } = scales.tensor as Tensor;
  const scaleShape = [...Array(Math.max(0, shape.length - given.length)).fill(1), ...given];
  const differing = shape.flatMap((dimension, i) => (dimension === scaleShape[i] ? [] : [i]));
  const long = scaleShape.flatMap((dimension, i) => (dimension === 1 ? [] : [i]));
  const wrong = `scales of shape [${given.join(", ")}] do not fit codes of shape [${shape.join(", ")}]`;
  if (scaleShape.length !== shape.length || differing.some((i) => scaleShape[i] !== 1)) return wrong;
  const parts = { node, scope, codes, scales };
  const [along] = differing;
  // Groups have a dimension of their own, until a Reshape.
  if (differing.length === 1 && along !== undefined && along > 0 && shape.length > 2 && endOf(parts).reshaped) {
    const group = shape[along] as number;
    const joined = [...shape.slice(0, along - 1), (shape[along - 1] as number) * group, ...shape.slice(along + 1)];
    const granularity = { group, along: along - 1 };
    return inOrder("Cast, Mul", parts, { shape: joined, axis: undefined, granularity });
  }
  if (long.length > 1) return wrong;
  const [axis] = long;
  return inOrder("Cast, Mul", parts, { shape, axis, granularity: axis === undefined ? "tensor" : "channel" });
}

interface Parts {
  readonly node: Node;
  readonly scope: Scope;
  readonly codes: Value;
  readonly scales: Value | undefined;
}

/** Codes in the order of the weights. */
function inOrder(
  pattern: Pattern,
  parts: Parts,
  layout: Pick<Found, "shape" | "axis" | "granularity">,
): Found | string {
  const { node, scope, codes, scales } = parts;
  const hasZeroPoints = pattern === "DequantizeLinear" && (node.inputs[2] ?? "") !== "";
  const zeroPoints = hasZeroPoints ? resolve(node.inputs[2] as string, scope) : undefined;
  if (!isFloat(scales?.tensor)) return "its scales are no float32 or float16 in the file";
  const { count, at } = placesOf(layout);
  const misfit = `${countOf(scales)} scales do not fit codes of shape [${layout.shape.join(", ")}]`;
  if (countOf(scales) !== count) return misfit;
  const tensor = codes.tensor as Tensor;
  if (hasZeroPoints && (zeroPoints?.tensor?.type !== tensor.type || countOf(zeroPoints) !== count)) {
    return "its zero points are not one for each scale, of the type of the codes";
  }
  const { name, shape } = endOf(parts);
  return {
    ...{ name, shape: product(shape) === product(layout.shape) ? shape : layout.shape, pattern },
    ...{ axis: layout.axis, granularity: layout.granularity },
    ...{ node, codes, scales: scales as Value, zeroPoints },
    ...{ type: codeTypes[tensor.type] as CodeType, codeCount: product(layout.shape), zeroCount: count, zero: 0 },
    ...{ zeroAt: at, scaleAt: at },
  };
}

/**
 * com.microsoft's MatMulNBits takes weights [K, N] by columns: codes [N, blocks, bytes], those of each block from the
 * lowest bits on, scales [N, blocks], and zero points of as many bits, each column from a new byte on.
 */
function matMulNBits(node: Node, scope: Scope, codes: Value): Found | string {
  const [rows, columns, group, bits = 4] = ["K", "N", "block_size", "bits"].map((name) => integerOf(node, name));
  const scales = resolve(node.inputs[2] ?? "", scope);
  const zeroPoints = resolve(node.inputs[3] ?? "", scope);
  if (codes.name !== node.inputs[1]) return `${named(node)} makes it of what is not in the file`;
  if (!(rows !== undefined && rows > 0 && columns !== undefined && columns > 0 && group !== undefined && group > 0)) {
    return `${named(node)} lacks K, N or block_size`;
  }
  if (bits !== 2 && bits !== 4 && bits !== 8) return `${named(node)} has codes of ${bits} bits`;
  if (!isFloat(scales?.tensor)) return "its scales are no float32 or float16 in the file";
  if ((node.inputs[4] ?? "") !== "") return `${named(node)} has a g_idx, which is not read`;
  const blocks = Math.ceil(rows / group);
  const zerosPerColumn = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const hasZeroPoints = (node.inputs[3] ?? "") !== "";
  if (hasZeroPoints && zeroPoints?.tensor?.type !== dataType.uint8) return "its zero points are no uint8 in the file";
  if (countOf(scales) !== columns * blocks) return `${countOf(scales)} scales do not fit [${rows}, ${columns}]`;
  const codeCount = columns * blocks * group;
  const fits = (value: Value | undefined, count: number) => countOf(value) === (count * bits) / 8;
  if (!fits(codes, codeCount)) return `${countOf(codes)} bytes of codes do not fit [${rows}, ${columns}]`;
  if (hasZeroPoints && !fits(zeroPoints, columns * zerosPerColumn)) {
    return `${countOf(zeroPoints)} bytes of zero points do not fit [${rows}, ${columns}]`;
  }
  const column = (weight: number) => weight % columns;
  const row = (weight: number) => Math.floor(weight / columns);
  const block = (weight: number) => Math.floor(row(weight) / group);
  return {
    ...{ name: codes.name.replace(/_Q\d[^/.]*$/, ""), shape: [rows, columns], pattern: "MatMulNBits" },
    ...{ axis: undefined, granularity: { group, along: 0 } },
    ...{ node, codes, scales: scales as Value, zeroPoints: hasZeroPoints ? zeroPoints : undefined },
    ...{ type: { bits, signed: false }, codeCount, zeroCount: columns * zerosPerColumn, zero: 2 ** (bits - 1) },
    codeAt: (weight) => column(weight) * blocks * group + row(weight),
    zeroAt: (weight) => column(weight) * zerosPerColumn + block(weight),
    scaleAt: (weight) => column(weight) * blocks + block(weight),
  };
}

function integerOf({ attributes }: Node, name: string): number | undefined {
  return attributes.get(name)?.integer;
}

/** Elements of a tensor; 0 where the file has none. */
function countOf(value: Value | undefined): number {
  return value?.tensor === undefined ? 0 : product(value.tensor.shape);
}

function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}

/** How many scales there are, and which is that of a weight. */
function placesOf({ shape, axis, granularity }: Pick<Found, "shape" | "axis" | "granularity">) {
  if (granularity === "tensor") return { count: 1, at: () => 0 };
  const along = granularity === "channel" ? (axis as number) : granularity.along;
  const size = shape[along] as number;
  const [outer, inner] = [product(shape.slice(0, along)), product(shape.slice(along + 1))];
  if (granularity === "channel") return { count: size, at: (weight: number) => Math.floor(weight / inner) % size };
  const { group } = granularity;
  const groups = Math.ceil(size / group);
  const at = (weight: number) => {
    const row = Math.floor(weight / inner);
    return (Math.floor(row / size) * groups + Math.floor((row % size) / group)) * inner + (weight % inner);
  };
  return { count: outer * groups * inner, at };
}

/** The weight's name in that of its codes, which is how ONNX Runtime's tools call them too. */
function stemOf(codes: string): string | undefined {
  return /^(.+?)_quantized(_\d+)?$/.exec(codes)?.[1];
}

/** Where the nodes that dequantize end: with the weight's own name, for which there may be a Reshape and a Cast to go. */
function endOf({ node, scope, codes }: Parts): { name: string; shape: readonly number[]; reshaped: boolean } {
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

/** Weights that are made at a time. */
const STRETCH_ELEMENTS = 2 ** 20;

export function quantizedWeight(found: Found, reader: WireReader, files: ExternalFiles): QuantizedWeight {
  const { name, shape, axis, granularity, pattern, type, node, codes, scales, zeroPoints } = found;
  const { codeCount, zeroCount, zero, codeAt, zeroAt, scaleAt } = found;
  const codeData = codeSource(codes.tensor as Tensor, type, codeCount, reader, files);
  const scaleData = floatSource(scales.tensor as Tensor, reader, files);
  const zeroData = zeroPoints && codeSource(zeroPoints.tensor as Tensor, type, zeroCount, reader, files);
  async function* dequantized() {
    const scaleValues = scaleData.floats(await scaleData.read(0, scaleData.length));
    const zeroValues = await zeroData?.read(0, zeroCount);
    const all = codeAt && (await codeData.read(0, codeCount));
    const length = product(shape);
    for (let start = 0; start < length; start += STRETCH_ELEMENTS) {
      const values = new Float32Array(Math.min(STRETCH_ELEMENTS, length - start));
      const some = all ?? (await codeData.read(start, values.length));
      for (let i = 0; i < values.length; i++) {
        const weight = start + i;
        const code = some[codeAt ? codeAt(weight) : i] as number;
        // Exact in float64, so that it is rounded once. Adding 0 makes +0 of the -0 that a negative scale gives.
        values[i] = (code - (zeroValues?.[zeroAt(weight)] ?? zero)) * (scaleValues[scaleAt(weight)] as number) + 0;
      }
      yield { start, values };
    }
  }
  const byteLength = codeData.byteLength + scaleData.byteLength + (zeroData?.byteLength ?? 0);
  const place = { node, codes, scales, zeroPoints };
  return { name, shape, bits: type.bits, axis, granularity, pattern, byteLength, dequantized, place };
}
