import { checkBits, checkBoolean, checkNames, shown } from "../arguments.js";
import type { Bits, Granularity } from "../types.js";
import type { OnnxModel } from "./model.js";
import type { KeptTensor, Weight } from "./weights.js";

// What is done with each weight, decided before anything is.

/** One scale per channel, per tensor, or per so many neighbours along what a channel sums over. */
export type OnnxGranularity = "channel" | "tensor" | { readonly group: number };

/** For one weight, or for those whose names fit a pattern. */
export interface WeightPolicy {
  /** 2 to 16. */
  readonly bits?: number;
  readonly granularity?: OnnxGranularity;
  /** The channel axis, where the one found is not wanted. */
  readonly axis?: number;
  /** Stays float. */
  readonly keep?: boolean;
}

export interface OnnxPolicy {
  /** 2 to 16; 8 when not given. */
  readonly bits?: number;
  /** "channel" when not given. */
  readonly granularity?: OnnxGranularity;
  /** Weights of fewer elements stay float; 256 when not given. */
  readonly minimumSize?: number;
  /** Names of weights that stay float, or of nodes whose weights do; `*` stands for any characters. */
  readonly skip?: readonly string[];
  /** Policies by name, in the same way; of those that fit, a later one goes before an earlier one. */
  readonly weights?: Readonly<Record<string, WeightPolicy>>;
  /**
   * Below opset 21, which knows no codes of 4 bits, write MatMul with 4 bits in groups as MatMulNBits of com.microsoft,
   * which ONNX Runtime has; true when not given.
   */
  readonly matMulNBits?: boolean;
}

/** How the model gets from codes back to weights. */
export type Pattern = "DequantizeLinear" | "Cast, Mul" | "MatMulNBits";

/** What is done with a weight. */
export interface Choice {
  readonly weight: Weight;
  readonly bits: Bits;
  /** As they are quantized: for groups some dimensions may be joined, or filled up with zeros. */
  readonly shape: readonly number[];
  /** The channel axis of the weight. */
  readonly axis: number;
  /** As `quantize` takes it, for that shape. */
  readonly granularity: Granularity;
  readonly pattern: Pattern;
  /** Bits that a code takes in the file. */
  readonly storedBits: 2 | 4 | 8 | 16;
  /** What is not as it was asked for, and why. */
  readonly notes: readonly string[];
}

export interface OnnxPlan {
  readonly model: OnnxModel;
  readonly choices: readonly Choice[];
  /** Float tensors that stay as they are. */
  readonly kept: readonly KeptTensor[];
}

const DEFAULT_MINIMUM_SIZE = 256;

/** Versions of ONNX's operators that brought what is written. */
const since = { broadcast: 7, axis: 13, int4: 21, int2: 25 } as const;

/**
 * Decides what is done with every weight of a model. Writes nothing.
 *
 * @throws {TypeError | RangeError} for a wrong policy.
 */
export function planOnnx(model: OnnxModel, policy: OnnxPolicy = {}): OnnxPlan {
  checkNames("policy", policy, [
    "bits",
    "granularity",
    "minimumSize",
    "skip",
    "weights",
    "matMulNBits",
  ] satisfies (keyof OnnxPolicy)[]);
  const { minimumSize = DEFAULT_MINIMUM_SIZE, skip = [], weights = {}, matMulNBits = true } = policy;
  if (typeof minimumSize !== "number" || !(minimumSize >= 0)) {
    throw new RangeError(`minimumSize is ${shown(minimumSize)}; it must be a number of elements from 0 up`);
  }
  const overrides = Object.entries(weights).map(([name, own]) => {
    checkNames(`weights[${JSON.stringify(name)}]`, own, [
      "bits",
      "granularity",
      "axis",
      "keep",
    ] satisfies (keyof WeightPolicy)[]);
    return { fits: matcher([name], model), own };
  });
  if (!Array.isArray(skip)) throw new TypeError(`skip must be an array of names, not ${shown(skip)}`);
  checkBoolean("matMulNBits", matMulNBits);
  const skipped = matcher(skip, model);
  const choices: Choice[] = [];
  const kept: KeptTensor[] = [...model.kept];
  for (const weight of model.weights) {
    const own = Object.assign(
      {},
      ...overrides.filter(({ fits }) => fits(weight)).map(({ own }) => own),
    ) as WeightPolicy;
    const { name, shape, byteLength } = weight;
    const keep = (reason: string) => kept.push({ name, shape, reason });
    if (model.opset < since.broadcast) keep(tooOld(model.opset));
    else if (own.keep ?? skipped(weight)) keep("is left float by the policy");
    else if (byteLength / 4 < minimumSize)
      keep(`has ${byteLength / 4} elements; from ${minimumSize} on they are quantized`);
    else choices.push(choose(model, weight, { ...policy, ...own, matMulNBits }));
  }
  return { model, choices, kept };
}

function tooOld(opset: number): string {
  return `is left alone: opset ${opset} has no operators to write it with, and ${since.broadcast} is the first that has`;
}

/** Gives whether the name of a weight, or of a node that takes it, is among these. A name without `*` must be there. */
function matcher(patterns: readonly string[], { weights, kept }: OnnxModel): (weight: Weight) => boolean {
  const expressions = patterns.map((pattern) => {
    if (typeof pattern !== "string") throw new TypeError(`a pattern must be a string, not ${shown(pattern)}`);
    const literal = pattern.split("*").map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    const expression = new RegExp(`^${literal.join(".*")}$`, "s");
    const fits = ({ name, nodes = [] }: { name: string; nodes?: readonly string[] }) =>
      [name, ...nodes].some((text) => expression.test(text));
    if (literal.length === 1 && ![...weights, ...kept].some(fits)) {
      throw new RangeError(`nothing is called ${shown(pattern)}; give the name of a weight or of a node that takes it`);
    }
    return fits;
  });
  return (weight) => expressions.some((fits) => fits(weight));
}

function choose(model: OnnxModel, weight: Weight, policy: Pick<OnnxPolicy, "matMulNBits"> & WeightPolicy): Choice {
  const { opset } = model;
  const bits = checkBits(policy.bits ?? 8);
  const axis = checkWeightAxis(weight, policy.axis ?? weight.axis);
  const granularity = checkGranularity(weight, policy.granularity ?? "channel");
  const group = typeof granularity === "object" ? granularity.group : undefined;
  if (group !== undefined && opset < since.int4 && policy.matMulNBits && fitsMatMulNBits(weight, bits, axis, group)) {
    return { ...matMulNBitsLayout(weight, group), weight, bits, axis, pattern: "MatMulNBits", storedBits: 4 };
  }
  const layout: Layout =
    typeof granularity === "object"
      ? groupedLayout(weight, axis, granularity.group)
      : { shape: weight.shape, granularity, notes: [] };
  const storedBits = bits === 2 && opset >= since.int2 ? 2 : bits <= 4 && opset >= since.int4 ? 4 : bits <= 8 ? 8 : 16;
  const grouped = typeof layout.granularity === "object";
  const linear = opset >= (grouped || storedBits !== 8 ? since.int4 : since.axis) && !goesThroughBareTranspose(weight);
  const notes = [...layout.notes];
  if (storedBits > bits && bits <= 4) {
    notes.push(
      `a code takes ${storedBits} bits in the file: opset ${since.int4} is the first to pack 4, and this is ${opset}`,
    );
  }
  return { ...layout, weight, bits, axis, pattern: linear ? "DequantizeLinear" : "Cast, Mul", storedBits, notes };
}

/** ONNX Runtime 1.30 ends its process where DequantizeLinear comes before a Transpose without perm. */
function goesThroughBareTranspose({ place }: Weight): boolean {
  const moved = place.consumers.flatMap(({ via }) => via);
  return moved.some(({ operator, attributes }) => operator === "Transpose" && !attributes.has("perm"));
}

function checkWeightAxis({ name, shape }: Weight, axis: number): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new RangeError(`axis of ${name} is ${shown(axis)}; it must be an integer from ${-rank} to ${rank - 1}`);
  }
  return axis < 0 ? axis + rank : axis;
}

function checkGranularity({ name }: Weight, granularity: OnnxGranularity): OnnxGranularity {
  if (granularity === "channel" || granularity === "tensor") return granularity;
  if (typeof granularity !== "object" || granularity === null) {
    throw new TypeError(`granularity of ${name} must be "channel", "tensor" or { group }, not ${shown(granularity)}`);
  }
  checkNames("granularity", granularity, ["group"]);
  const { group } = granularity;
  if (!Number.isInteger(group) || group < 1) {
    throw new RangeError(`granularity.group is ${shown(group)}; it must be an integer from 1 up`);
  }
  return granularity;
}

type Layout = Pick<Choice, "shape" | "granularity" | "notes">;

/** Groups run along what a channel sums over: all that follows axis 0 (as in Conv), else the dimension before the axis. */
function groupedLayout({ shape }: Weight, axis: number, wanted: number): Layout {
  const joined = axis === 0 ? [shape[0] as number, shape.slice(1).reduce((a, b) => a * b, 1)] : shape;
  const along = axis === 0 ? 1 : axis - 1;
  const summed = joined[along] as number;
  // One that divides them all, and not much smaller, or there would be hardly less scales than codes.
  let group = Math.min(wanted, summed);
  while (summed % group !== 0) group--;
  if (group < wanted / 2 && group < summed) {
    const note = `no groups of about ${wanted} divide the ${summed} weights a channel sums over: one scale per channel`;
    return { shape, granularity: "channel", notes: [note] };
  }
  const notes =
    group === wanted
      ? []
      : [`groups of ${group}, since ${wanted} does not divide the ${summed} weights a channel sums over`];
  return { shape: joined, granularity: { group, along }, notes };
}

/** It takes groups along the first of two dimensions, whose size is a power of two from 16 up, of MatMul's second input. */
function fitsMatMulNBits({ place, shape }: Weight, bits: number, axis: number, group: number): boolean {
  if (bits !== 4 || shape.length !== 2 || axis !== 1 || group < 16 || (group & (group - 1)) !== 0) return false;
  return place.consumers.every(({ use, via }) => via.length === 0 && use.node.operator === "MatMul" && use.input === 1);
}

/** The last groups are filled up with zeros. */
function matMulNBitsLayout({ shape }: Weight, group: number): Layout {
  const [rows, columns] = shape as [number, number];
  const granularity = { group, along: 0 };
  return { shape: [Math.ceil(rows / group) * group, columns], granularity, notes: [] };
}
