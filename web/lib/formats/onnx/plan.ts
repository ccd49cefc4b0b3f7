import { checkBits, checkBoolean, checkNames, shown } from "../../core/arguments.js";
import { makePlan } from "../../core/plan.js";
import type { Bits, Granularity } from "../../core/types.js";
import { matchesGlob } from "../../models/globs.js";
import { bytesPerElement } from "../../tensor/dtypes.js";
import type { OnnxModel } from "./model.js";
import { newestOpset, oldestOpset, opsetChanges } from "./opsets.js";
import type { KeptTensor, Weight, WeightDtype } from "./weights.js";

// What is done with each weight, decided before anything is.

/** One scale per channel, per tensor, or per so many neighbours along what a channel sums over. */
export type OnnxGranularity = "channel" | "tensor" | { readonly group: number };

/** How weights are to be quantized. */
export interface OnnxSettings {
  /** 2 to 16; 8 when not given. */
  readonly bits?: Bits | (number & {});
  /** The channel axis, negative from the end, where that of the operator that takes the weight is not wanted. */
  readonly axis?: number;
  /** "channel" when not given. */
  readonly granularity?: OnnxGranularity;
}

/**
 * Which weights are to be quantized, and how. Patterns are of names of weights, or of nodes that take them; `*` stands for
 * any characters and `?` for one.
 */
export interface OnnxRules extends OnnxSettings {
  /** Patterns of weights that are quantized although they are small, excluded, or inputs too, which they then no longer are. */
  readonly include?: readonly string[];
  /** Patterns of weights that stay as they are: `["*"]` leaves what `include` names. */
  readonly exclude?: readonly string[];
  /** Other settings for weights that match a pattern, or `keep` to leave them; where more match, the last one's. */
  readonly overrides?: Readonly<Record<string, OnnxSettings & { readonly keep?: boolean }>>;
  /** Weights of fewer elements stay as they are; 1024 when not given. */
  readonly minimumSize?: number;
  /**
   * Raise the model to this version of ONNX's operators, up to 25; it stays as it is when not given. Refused where that
   * would change what a node means (see `opsetChanges`). 13 brings DequantizeLinear with a channel axis, 21 codes of 4
   * bits and groups, 25 codes of 2 bits.
   */
  readonly opset?: number;
  /**
   * Below opset 21, which knows no codes of 4 bits, write MatMul with 4 bits in groups as MatMulNBits of com.microsoft,
   * which ONNX Runtime has; true when not given.
   */
  readonly matMulNBits?: boolean;
}

/** How the model gets from codes back to weights. */
export type Pattern = "DequantizeLinear" | "Cast, Mul" | "MatMulNBits";

/** What is done with a weight. */
export interface OnnxChoice {
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
  /** What scales are in the file. */
  readonly scaleDtype: WeightDtype;
  /** Of codes and scales in the file. */
  readonly bytesAfter: number;
  /** What is not as it was asked for, and why. */
  readonly notes: readonly string[];
}

export interface OnnxPlan {
  readonly model: OnnxModel;
  /** Version of ONNX's own operators in what is written. */
  readonly opset: number;
  /** In the order of the model's weights. */
  readonly choices: readonly OnnxChoice[];
  /** Tensors of floats that stay as they are, and why. */
  readonly kept: readonly KeptTensor[];
  /** Patterns of the rules that match no weight and no other tensor of floats: they may be misspelt. */
  readonly unmatched: readonly string[];
}

const DEFAULT_MINIMUM_SIZE = 1024;

/** Versions of ONNX's operators that brought what is written. */
const since = { axis: 13, float16: 19, int4: 21, int2: 25 } as const;

const settingNames = ["bits", "axis", "granularity"] satisfies (keyof OnnxSettings)[];

/**
 * Decides for every weight of a model whether and how it is quantized. Nothing of the data is read.
 *
 * @throws {TypeError | RangeError} for rules that are wrong, and for a model that is quantized already.
 */
export function planOnnx(model: OnnxModel, rules: OnnxRules = {}): OnnxPlan {
  checkNames("rules", rules, [
    ...settingNames,
    "include",
    "exclude",
    "overrides",
    "minimumSize",
    "opset",
    "matMulNBits",
  ] satisfies (keyof OnnxRules)[]);
  const { include = [], exclude = [], overrides = {}, minimumSize = DEFAULT_MINIMUM_SIZE, matMulNBits = true } = rules;
  checkPatterns("include", include);
  checkPatterns("exclude", exclude);
  checkNames("overrides", overrides, Object.keys(overrides));
  for (const [pattern, settings] of Object.entries(overrides)) {
    checkNames(`overrides[${shown(pattern)}]`, settings, [...settingNames, "keep"]);
  }
  if (typeof minimumSize !== "number" || !(minimumSize >= 0)) {
    throw new RangeError(`minimumSize is ${shown(minimumSize)}; it must be a number of elements from 0 up`);
  }
  checkBoolean("matMulNBits", matMulNBits);
  if (model.content.refusal !== undefined) throw new TypeError(`${model.name}: ${model.content.refusal}`);
  const opset = rules.opset === undefined ? model.opset : raisedOpset(model, rules.opset);

  const choices: OnnxChoice[] = [];
  const kept: KeptTensor[] = [...model.kept];
  for (const weight of model.weights) {
    const own = Object.entries(overrides).filter(([pattern]) => matches(weight, pattern));
    const settings = Object.assign({ ...rules, matMulNBits }, ...own.map(([, override]) => override));
    const choice = choose(opset, weight, settings);
    const reason = settings.keep
      ? "kept by an override"
      : whyKept(opset, choice, {
          isIncluded: include.some((pattern) => matches(weight, pattern)),
          isExcluded: exclude.some((pattern) => matches(weight, pattern)),
          minimumSize,
        });
    if (reason === undefined) choices.push(choice);
    else kept.push(keptOf(weight, reason));
  }
  const patterns = [...include, ...exclude, ...Object.keys(overrides)];
  const all = [...model.weights, ...model.kept];
  const unmatched = patterns.filter((pattern) => !all.some((each) => matches(each, pattern)));
  return { model, opset, choices, kept, unmatched };
}

function raisedOpset(model: OnnxModel, opset: number): number {
  if (!Number.isInteger(opset) || opset < model.opset || opset > newestOpset) {
    throw new RangeError(
      `opset is ${shown(opset)}; it must be an integer from the model's ${model.opset} to ${newestOpset}`,
    );
  }
  const [first, ...others] = opsetChanges(model, opset);
  if (first !== undefined) {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    throw new RangeError(`opset cannot be raised from ${model.opset} to ${opset}: ${first}${more}`);
  }
  return opset;
}

function keptOf({ name, dtype, shape, byteLength }: Weight, reason: string): KeptTensor {
  return { name, dtype, shape, byteLength, reason };
}

function whyKept(
  opset: number,
  choice: OnnxChoice,
  rules: { isIncluded: boolean; isExcluded: boolean; minimumSize: number },
): string | undefined {
  const { length, byteLength, isInput } = choice.weight;
  if (opset < oldestOpset) {
    return `opset ${opset} has no operators to write it with; ${oldestOpset} is the first that has`;
  }
  if (rules.isIncluded) return undefined;
  if (rules.isExcluded) return "excluded";
  if (isInput) return "also an input of the graph, for which other values can be given; include it to make it none";
  if (length < rules.minimumSize) return `small: ${length} elements`;
  return choice.bytesAfter >= byteLength ? "it would not become smaller" : undefined;
}

function checkPatterns(name: string, patterns: unknown): void {
  if (!Array.isArray(patterns)) throw new TypeError(`${name} must be an array of patterns, not ${shown(patterns)}`);
  for (const pattern of patterns) {
    if (typeof pattern !== "string") throw new TypeError(`${name} has ${shown(pattern)}; patterns must be strings`);
  }
}

function matches({ name, nodes = [] }: { name: string; nodes?: readonly string[] }, pattern: string): boolean {
  return [name, ...nodes].some((text) => matchesGlob(text, pattern));
}

/** Everything about a choice but its size. */
type Way = Omit<OnnxChoice, "bytesAfter">;

function choose(opset: number, weight: Weight, settings: OnnxSettings & { readonly matMulNBits: boolean }): OnnxChoice {
  const way = wayOf(opset, weight, settings);
  const { codes, scales } = storedBytes(way);
  const notes = weight.isInput ? [...way.notes, "it is no longer an input of the graph"] : way.notes;
  return { ...way, notes, bytesAfter: codes + scales };
}

/** What codes and scales take in the file. */
export function storedBytes({ shape, axis, granularity, storedBits, scaleDtype }: Way): {
  codes: number;
  scales: number;
} {
  const { pieces, channels } = makePlan(shape, axis, granularity);
  const codes = Math.ceil((shape.reduce((a, b) => a * b, 1) * storedBits) / 8);
  return { codes, scales: bytesPerElement(scaleDtype) * pieces * channels };
}

function wayOf(opset: number, weight: Weight, settings: OnnxSettings & { readonly matMulNBits: boolean }): Way {
  const bits = checkBits(settings.bits ?? 8);
  const axis = checkWeightAxis(weight, settings.axis ?? weight.axis);
  const granularity = checkGranularity(weight, settings.granularity ?? "channel");
  const group = typeof granularity === "object" ? granularity.group : undefined;
  if (group !== undefined && opset < since.int4 && settings.matMulNBits && fitsMatMulNBits(weight, bits, axis, group)) {
    const layout = matMulNBitsLayout(weight, group);
    return { ...layout, weight, bits, axis, pattern: "MatMulNBits", storedBits: 4, scaleDtype: weight.dtype };
  }
  const layout: Layout =
    typeof granularity === "object"
      ? groupedLayout(weight, axis, granularity.group)
      : { shape: weight.shape, granularity, notes: [] };
  const storedBits = bits === 2 && opset >= since.int2 ? 2 : bits <= 4 && opset >= since.int4 ? 4 : bits <= 8 ? 8 : 16;
  const grouped = typeof layout.granularity === "object";
  const linear = opset >= (grouped || storedBits !== 8 ? since.int4 : since.axis) && !goesThroughBareTranspose(weight);
  const notes = storedBits > bits ? [...layout.notes, storageNote(opset, bits, storedBits)] : layout.notes;
  const pattern = linear ? "DequantizeLinear" : "Cast, Mul";
  // What DequantizeLinear gives has the type of its scales; what Mul gives is not yet rounded to float16.
  const scaleDtype = linear && opset >= since.float16 ? weight.dtype : "float32";
  return { ...layout, weight, bits, axis, pattern, storedBits, scaleDtype, notes };
}

/** Why codes take more bits in the file than they have. */
function storageNote(opset: number, bits: Bits, storedBits: number): string {
  const takes = `a code takes ${storedBits} bits in the file`;
  const firstToPack = (packed: number, first: number) =>
    `${takes}: opset ${first} is the first to pack ${packed}, and this is ${opset}`;
  if (bits <= 4 && opset < since.int4) return firstToPack(4, since.int4);
  if (bits === 2) return firstToPack(2, since.int2);
  return `${takes}: ONNX has no type of ${bits} bits`;
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

type Layout = Pick<OnnxChoice, "shape" | "granularity" | "notes">;

/** Groups run along what a channel sums over: of axis 0 all that follows, as in Conv. */
function groupedLayout(weight: Weight, axis: number, wanted: number): Layout {
  const { shape } = weight;
  const joined = axis === 0 ? [shape[0] as number, shape.slice(1).reduce((a, b) => a * b, 1)] : shape;
  const ofOperator = axis === weight.axis ? weight.along : undefined;
  const along = axis === 0 ? 1 : (ofOperator ?? axis - 1);
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
