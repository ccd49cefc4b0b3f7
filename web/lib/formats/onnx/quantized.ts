import type { CodeArray } from "../../core/arguments.js";
import type { Engine } from "../../core/memory/buffers.js";
import type { Scheme } from "../../core/scheme.js";
import { type QuantizedTensor, scalePlaces } from "../../tensor/quantized-tensor.js";
import type { TensorInfo } from "../../tensor/tensor.js";
import type { UnreadableTensor } from "../format.js";
import { named } from "./axes.js";
import { dataType, type Node, type Tensor } from "./file/proto.js";
import { type CodeType, codeSource, type ExternalFiles, floatSource } from "./file/tensors.js";
import { resolve, type Scope, type Value } from "./file/values.js";
import type { WireReader } from "./file/wire.js";
import { microsoftDomain, type Pattern } from "./forms/form.js";
import { gatheredRows, type IntegerWeight, integerMatMul } from "./integers.js";
import type { WeightDtype } from "./weights.js";

// The weights of a model that is quantized already: their codes, scales and zero points, and how these become floats.

/** A weight that is stored as codes and scales. */
export interface QuantizedWeight extends QuantizedTensor {
  /** @internal */
  readonly place: Place;
}

/** Where a quantized weight is in the model. */
interface Place {
  /** The node that makes the weight, or computes with its codes. */
  readonly node: Node;
  readonly codes: Value;
  readonly scales: Value;
  readonly zeroPoints: Value | undefined;
  /** The nodes that compute with the codes, where those never become the weight itself. */
  readonly integers?: IntegerWeight | undefined;
}

/** Types by TensorProto.DataType. */
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

/** A quantized weight as the structure of the model describes it. */
interface Found extends Place, ScaleSharing {
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
interface ScaleSharing extends Pick<Scheme, "axis" | "granularity"> {
  /** The dimensions that the scheme refers to. */
  readonly quantizedShape: readonly number[];
}

/** Operators that show that a model is quantized already. */
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
  readonly unreadable: readonly UnreadableTensor[];
} {
  const found: Found[] = [];
  const unreadable: UnreadableTensor[] = [];
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
      unreadable.push({ tensor: stemOf(codes.name) ?? codes.name, byteLength, reason: weight });
    }
  }
  return { found, unreadable };
}

/** The codes among the inputs of a node that dequantizes or computes with codes. */
function codesOf(node: Node, scope: Scope): Value | undefined {
  const inputs = node.inputs.map((name) => resolve(name, scope));
  const isCodes = (value: Value | undefined) => codeTypes[value?.tensor?.type ?? 0] !== undefined;
  const integers = integersOf(node, scope);
  if (typeof integers === "object" && isCodes(integers.codes)) return integers.codes;
  if (node.operator === "Mul" && node.domain === "") {
    const cast = inputs.find((value) => value?.node?.operator === "Cast" && value.uses.length === 1);
    const codes = resolve(cast?.node?.inputs[0] ?? "", cast?.scope);
    // Unsigned integers may be a mask.
    const { type = 0, shape = [] } = codes?.tensor ?? {};
    return codeTypes[type]?.signed && shape.length > 1 && scalesOfMul(node, scope) ? codes : undefined;
  }
  if (!quantizedOperators.has(node.operator)) return undefined;
  // Other operators take the zero points of their outputs too, which are vectors or single numbers.
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

/** The weight of some codes, or a sentence why they cannot be read. */
function weightOf(node: Node, scope: Scope, codes: Value): Found | string {
  const integers = integersOf(node, scope);
  if (typeof integers === "string") return `${named(node)} uses its codes, and ${integers}`;
  if (integers !== undefined) return computedWith(integers, scope);
  if (node.operator === "Mul") return castAndMul(node, scope, codes);
  if (node.operator === "DequantizeLinear" && node.domain === "") return dequantizeLinear(node, scope, codes);
  if (node.operator === "MatMulNBits" && node.domain === microsoftDomain) return matMulNBits(node, scope, codes);
  return `${named(node)} uses its codes in a way that is not read`;
}

/** How nodes compute with the codes of a weight, if they do; a sentence where that cannot be read. */
function integersOf(node: Node, scope: Scope): IntegerWeight | string | undefined {
  if (node.domain !== "") return undefined;
  if (node.operator === "MatMulInteger") return integerMatMul(node, scope);
  return node.operator === "Mul" || node.operator === "DequantizeLinear" ? gatheredRows(node, scope) : undefined;
}

function computedWith(integers: IntegerWeight, scope: Scope): Found | string {
  const { node, codes, scales, axis } = integers;
  const { shape } = codes.tensor as Tensor;
  const granularity = countOf(scales) === 1 ? "tensor" : "channel";
  const layout = { quantizedShape: shape, axis: granularity === "channel" ? axis : undefined, granularity } as const;
  return inOrder(integers.pattern, { node, scope, codes, scales, integers }, layout);
}

function dequantizeLinear(node: Node, scope: Scope, codes: Value): Found | string {
  if (codes.name !== node.inputs[0]) return `${named(node)} makes it of codes that are not in the file`;
  const { shape } = codes.tensor as Tensor;
  const scales = resolve(node.inputs[1] ?? "", scope);
  const given = integerOf(node, "axis") ?? 1;
  const axis = given < 0 ? given + shape.length : given;
  const group = integerOf(node, "block_size") ?? 0;
  const granularity = group > 0 ? { group, along: axis } : countOf(scales) === 1 ? "tensor" : "channel";
  if (granularity !== "tensor" && !(axis >= 0 && axis < shape.length))
    return `${named(node)} has an axis that its codes lack`;
  const layout = { quantizedShape: shape, axis: granularity === "channel" ? axis : undefined, granularity } as const;
  return inOrder("DequantizeLinear", { node, scope, codes, scales }, layout);
}

/** Mul repeats scales along dimensions of size 1. */
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
  // Groups have a dimension of their own, which a Reshape joins again.
  if (differing.length === 1 && along !== undefined && along > 0 && shape.length > 2 && endOf(parts).reshaped) {
    const group = shape[along] as number;
    const joined = [...shape.slice(0, along - 1), (shape[along - 1] as number) * group, ...shape.slice(along + 1)];
    const granularity = { group, along: along - 1 };
    return inOrder("Cast, Mul", parts, { quantizedShape: joined, axis: undefined, granularity });
  }
  if (long.length > 1) return wrong;
  const [axis] = long;
  const granularity = axis === undefined ? "tensor" : "channel";
  return inOrder("Cast, Mul", parts, { quantizedShape: shape, axis, granularity });
}

interface Parts {
  readonly node: Node;
  readonly scope: Scope;
  readonly codes: Value;
  readonly scales: Value | undefined;
  readonly integers?: IntegerWeight;
}

/** Codes in the order of the weights. */
function inOrder(pattern: Pattern, parts: Parts, layout: ScaleSharing): Found | string {
  const { quantizedShape } = layout;
  const { node, scope, codes, scales, integers } = parts;
  const ofLinear = pattern === "DequantizeLinear" && (node.inputs[2] ?? "") !== "";
  const zeroPoints = ofLinear ? resolve(node.inputs[2] as string, scope) : integers?.zeroPoints;
  const hasZeroPoints = ofLinear || zeroPoints !== undefined;
  if (!isFloat(scales?.tensor)) return "its scales are not float32 or float16 in the file";
  const { count } = scalePlaces(quantizedShape, layout);
  const misfit = `${countOf(scales)} scales do not fit codes of shape [${quantizedShape.join(", ")}]`;
  if (countOf(scales) !== count) return misfit;
  const tensor = codes.tensor as Tensor;
  if (hasZeroPoints && (zeroPoints?.tensor?.type !== tensor.type || countOf(zeroPoints) !== count)) {
    return "its zero points must be one for each scale and have the type of the codes";
  }
  const { name, shape } = integers ? { name: stemOf(codes.name) ?? codes.name, shape: quantizedShape } : endOf(parts);
  return {
    ...{ name, shape: product(shape) === product(quantizedShape) ? shape : quantizedShape, pattern },
    ...layout,
    ...{ node, codes, scales: scales as Value, zeroPoints, integers },
    ...{ type: codeTypes[tensor.type] as CodeType, codeCount: product(quantizedShape), zeroCount: count, zero: 0 },
  };
}

/**
 * com.microsoft's MatMulNBits takes weights [K, N] by columns: codes [N, blocks, bytes], filled from the lowest bits of
 * a byte on, scales [N, blocks], and zero points of as many bits as codes, with a new byte for each column.
 */
function matMulNBits(node: Node, scope: Scope, codes: Value): Found | string {
  const [rows, columns, group, bits = 4] = ["K", "N", "block_size", "bits"].map((name) => integerOf(node, name));
  const scales = resolve(node.inputs[2] ?? "", scope);
  const zeroPoints = resolve(node.inputs[3] ?? "", scope);
  if (codes.name !== node.inputs[1]) return `${named(node)} makes it of codes that are not in the file`;
  if (!(rows !== undefined && rows > 0 && columns !== undefined && columns > 0 && group !== undefined && group > 0)) {
    return `${named(node)} lacks K, N or block_size`;
  }
  if (bits !== 2 && bits !== 4 && bits !== 8) return `${named(node)} has codes of ${bits} bits`;
  if (!isFloat(scales?.tensor)) return "its scales are not float32 or float16 in the file";
  if ((node.inputs[4] ?? "") !== "") return `${named(node)} has a g_idx, which is not read`;
  const blocks = Math.ceil(rows / group);
  const zerosPerColumn = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const hasZeroPoints = (node.inputs[3] ?? "") !== "";
  if (hasZeroPoints && zeroPoints?.tensor?.type !== dataType.uint8) return "its zero points are not uint8 in the file";
  if (countOf(scales) !== columns * blocks) return `${countOf(scales)} scales do not fit [${rows}, ${columns}]`;
  const codeCount = columns * blocks * group;
  const fits = (value: Value | undefined, count: number) => countOf(value) === (count * bits) / 8;
  if (!fits(codes, codeCount)) return `${countOf(codes)} bytes of codes do not fit [${rows}, ${columns}]`;
  if (hasZeroPoints && !fits(zeroPoints, columns * zerosPerColumn)) {
    return `${countOf(zeroPoints)} bytes of zero points do not fit [${rows}, ${columns}]`;
  }
  const column = (weight: number) => weight % columns;
  const row = (weight: number) => Math.floor(weight / columns);
  return {
    ...{ name: codes.name.replace(/_Q\d[^/.]*$/, ""), shape: [rows, columns], pattern: "MatMulNBits" },
    ...{ quantizedShape: [rows, columns], axis: undefined, granularity: { group, along: 0 } },
    ...{ node, codes, scales: scales as Value, zeroPoints: hasZeroPoints ? zeroPoints : undefined },
    ...{ type: { bits, signed: false }, codeCount, zeroCount: columns * zerosPerColumn, zero: 2 ** (bits - 1) },
    codeAt: (weight) => column(weight) * blocks * group + row(weight),
    // In the order of the scheme scales are [blocks, N], so the row of a place is its block.
    scaleAt: (place) => column(place) * blocks + row(place),
    zeroAt: (place) => column(place) * zerosPerColumn + row(place),
  };
}

function integerOf({ attributes }: Node, name: string): number | undefined {
  return attributes.get(name)?.integer;
}

/** The number of elements of a tensor; 0 where the file has none. */
function countOf(value: Value | undefined): number {
  return value?.tensor === undefined ? 0 : product(value.tensor.shape);
}

function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}

/** The weight's name, taken from the name of its codes as ONNX Runtime's tools form it. */
function stemOf(codes: string): string | undefined {
  return /^(.+?)_quantized(_\d+)?$/.exec(codes)?.[1];
}

/**
 * The end of the nodes that dequantize: its output has the weight's own name. A Reshape and a Cast may come before it.
 */
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

export function quantizedWeight(found: Found, reader: WireReader, files: ExternalFiles): QuantizedWeight {
  const { name, shape, quantizedShape, axis, granularity, pattern, type, node, codes, scales, zeroPoints } = found;
  const { codeCount, zeroCount, zero, codeAt, zeroAt = same, scaleAt = same } = found;
  const codeData = codeSource(codes.tensor as Tensor, type, codeCount, reader, files);
  const scaleData = floatSource(scales.tensor as Tensor, reader, files);
  const zeroData = zeroPoints && codeSource(zeroPoints.tensor as Tensor, type, zeroCount, reader, files);
  const places = scalePlaces(quantizedShape, found);
  const length = product(shape);
  const NewCodes = type.bits < 16 || (type.signed && zeroData === undefined) ? Int16Array : Int32Array;
  // Unsigned codes and zero points are both read with half of their range subtracted.
  const readZero = type.signed ? zero : zero - 2 ** (type.bits - 1);
  /** Codes in another order are read whole, and released with the last of them. */
  let whole: Promise<CodeArray> | undefined;
  let zeros: Promise<CodeArray> | undefined;
  async function readCodes(engine: Engine, start: number, count: number) {
    if (codeAt) whole ??= codeData.read(engine, 0, codeCount);
    zeros ??= zeroData?.read(engine, 0, zeroCount);
    const [some, zeroValues] = [await (whole ?? codeData.read(engine, start, count)), await zeros];
    if (start + count === length) whole = zeros = undefined;
    if (!codeAt && !zeroValues && readZero === 0) return some;
    const centred = new NewCodes(count);
    for (let i = 0; i < count; i++) {
      const code = some[codeAt ? codeAt(start + i) : i] as number;
      centred[i] = code - (zeroValues ? (zeroValues[zeroAt(places.at(start + i))] as number) : readZero);
    }
    return centred;
  }
  async function readScales() {
    const stored = scaleData.floats(await scaleData.read(0, scaleData.length));
    return Float32Array.from({ length: places.count }, (_, place) => stored[scaleAt(place)] as number);
  }
  const dtype: WeightDtype = scales.tensor?.type === dataType.float16 ? "float16" : "float32";
  const codesInfo: TensorInfo = {
    name: codes.name,
    dtype: `${type.signed ? "" : "u"}int${Math.max(8, type.bits) as 8 | 16}`,
    shape: (codes.tensor as Tensor).shape,
    byteLength: codeData.byteLength,
  };
  const scalesInfo: TensorInfo = {
    ...{ name: scales.name, dtype, shape: (scales.tensor as Tensor).shape, byteLength: scaleData.byteLength },
  };
  return {
    ...{
      name,
      shape,
      quantizedShape,
      scheme: { bits: type.bits, axis, granularity, scaleType: dtype },
      signed: type.signed,
    },
    ...{ zeroPoints: zeroData !== undefined, codes: codesInfo, scales: scalesInfo, pattern },
    byteLength: codeData.byteLength + scaleData.byteLength + (zeroData?.byteLength ?? 0),
    ...{ readCodes, readScales, place: { node, codes, scales, zeroPoints, integers: found.integers } },
  };
}

const same = (place: number) => place;
