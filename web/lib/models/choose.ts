import {
  checkAxis,
  checkBits,
  checkBoolean,
  checkGranularity,
  checkInteger,
  checkNames,
  shown,
} from "../core/arguments.js";
import { makePlan } from "../core/plan.js";
import type { Bits, Granularity } from "../core/types.js";
import type { Dialect, Layout, QuantizedTensorInfo } from "../formats/safetensors/dialects/dialect.js";
import { type DialectName, dialects } from "../formats/safetensors/dialects/index.js";
import { isBias, isDepthwiseKernel, isNorm, isPositionEmbedding } from "../formats/safetensors/dialects/modules.js";
import { quantizedAlready, type WhyQuantizedAlready } from "../formats/safetensors/dialects/quantized-already.js";
import { elementsOf, isFloatDtype, MAX_RANK } from "../tensor/dtypes.js";
import type { Model, TensorInfo } from "../tensor/model.js";
import { matchesGlob } from "./globs.js";

/** How tensors are to be quantized. */
export interface ChooseSettings {
  /** 2 to 16, as far as the dialect can hold them; 8 when not given. */
  readonly bits?: Bits | (number & {});
  /** The channel axis, negative from the end; when not given 0, and in TensorFlow.js models the last. */
  readonly axis?: number;
  /** "channel" when not given. */
  readonly granularity?: Granularity;
}

export interface ChooseOverride extends ChooseSettings {
  /** True keeps the tensor as it is. */
  readonly keep?: boolean;
}

/** Which tensors are to be quantized, and how. In patterns `*` stands for any characters, dots too, and `?` for one. */
export interface ChooseRules extends ChooseSettings {
  /** "plain" when not given. */
  readonly dialect?: DialectName;
  /** Patterns of names that are quantized although the policy keeps them: wins over `exclude`. */
  readonly include?: readonly string[];
  /** Patterns of names that are kept although the policy quantizes them: `["*"]` leaves what `include` names. */
  readonly exclude?: readonly string[];
  /** Other settings for names that match a pattern; where more match, the last one's. They win over `include` too. */
  readonly overrides?: Readonly<Record<string, ChooseOverride>>;
}

/** What happens to a tensor: it is quantized in a way, or kept byte for byte for a reason. */
export type Decision =
  | ({ readonly tensor: string; readonly quantize: true } & Layout)
  | { readonly tensor: string; readonly quantize: false; readonly reason: string };

/** What is to be done with a model. */
export interface Choice {
  readonly dialect: DialectName;
  /** One for each tensor, in the order of the model. */
  readonly decisions: readonly Decision[];
}

/** Below this number of elements it is not worth the trouble. */
const SMALL = 1024;

/** A model whose tensors are to be decided about: nothing of the data is read. */
type Deciding = Pick<Model, "format" | "tensors">;

/**
 * Decides for every tensor of a model whether and how it is quantized. Without rules, tensors of floats of rank 2 and
 * above are, but for norms, biases, embeddings of positions and small ones. What belongs to codes of a model that is quantized
 * already, such as their scales, is always kept. Nothing of the data is read.
 *
 * Tensors that the dialect's reader joins into one layer are kept together where the policy keeps one of them; what the rules
 * say of single ones is done, and `warningsOf` tells of it.
 *
 * @throws {TypeError | RangeError} for rules that are wrong, or that the dialect cannot hold.
 */
export function chooseTensors(model: Deciding, rules: ChooseRules = {}): Choice {
  const dialectName = checkRules(rules);
  const decisions = model.tensors.map((info) => decide(model, info, rules));
  keepTogether(model, decisions, dialectName, rules);
  return { dialect: dialectName, decisions };
}

/**
 * What `chooseTensors` decides for one of a model's tensors, were it alone.
 *
 * @throws {TypeError | RangeError} as `chooseTensors` does, and for a tensor that the model does not have.
 */
export function chooseTensor(model: Deciding, tensor: TensorInfo, rules: ChooseRules = {}): Decision {
  checkRules(rules);
  if (surroundings(model.tensors).byName.get(tensor.name) !== tensor) {
    throw new RangeError(`the model has no such tensor ${tensor.name}; give one of its own`);
  }
  return decide(model, tensor, rules);
}

function decide(model: Deciding, info: TensorInfo, rules: ChooseRules): Decision {
  const { include = [], exclude = [], overrides = {}, dialect: dialectName = "plain" } = rules;
  const dialect: Dialect = dialects[dialectName];
  const { byName, whyQuantizedAlready } = surroundings(model.tensors);
  const { format } = model;
  const { name } = info;
  // A file of one array was given for the sake of that array.
  const isAlone = format === "npy" || format === "text";
  const matches = (pattern: string) => matchesGlob(name, pattern);
  const keep = (reason: string): Decision => ({ tensor: name, quantize: false, reason });

  const impossible = whyImpossible(info) ?? whyQuantizedAlready(info, !isAlone);
  if (impossible) return keep(impossible);
  const settings: ChooseOverride = Object.assign(
    { ...rules },
    ...Object.keys(overrides)
      .filter(matches)
      .map((pattern) => overrides[pattern]),
  );
  if (settings.keep) return keep(BY_OVERRIDE);
  const included = include.some(matches);
  if (!included) {
    if (exclude.some(matches)) return keep(EXCLUDED);
    const policy = isAlone ? undefined : whyKept(info, dialect, byName);
    if (policy) return keep(policy);
  }
  const layout = layoutOf(info, settings, format);
  if (typeof layout === "string") return keep(layout);
  const refusal = dialect.refusal(info, layout);
  if (refusal) return keep(refusal);
  const stored = dialect.stored(withScaleShape(info, layout));
  const taken = stored.find((each) => each.name !== name && byName.has(each.name));
  if (taken) return keep(`it needs a name that is there already: ${taken.name}`);
  const storedBytes = stored.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (!included && storedBytes >= info.byteLength) return keep("it would not become smaller");
  return { tensor: name, quantize: true, ...layout };
}

/** Why a tensor is kept that the rules name. */
const EXCLUDED = "excluded";
const BY_OVERRIDE = "kept by an override";

/** Keeps what is joined with a tensor that the policy keeps, or that cannot be quantized as the rules want it. */
function keepTogether(
  { tensors }: Deciding,
  decisions: Decision[],
  dialect: DialectName,
  { include = [] }: ChooseRules,
) {
  for (const places of joinedTensors({ tensors }, dialect)) {
    const kept = places.map((i) => decisions[i]).find((each) => !each.quantize && !isByRules(each));
    if (kept === undefined || kept.quantize) continue;
    for (const i of places) {
      const { tensor, quantize } = decisions[i];
      if (!quantize || include.some((pattern) => matchesGlob(tensor, pattern))) continue;
      const reason = `it is joined with one that is kept: ${kept.tensor} (${kept.reason})`;
      decisions[i] = { tensor, quantize: false, reason };
    }
  }
}

function isByRules(decision: Decision): boolean {
  return !decision.quantize && (decision.reason === EXCLUDED || decision.reason === BY_OVERRIDE);
}

/**
 * Tensors, by their places in the model, that the reader of a dialect joins into one layer, such as vLLM the projections of
 * queries, keys and values: each list is to be quantized in one way, or kept.
 */
export function joinedTensors({ tensors }: Pick<Deciding, "tensors">, dialect: DialectName): number[][] {
  return dialectNamed(dialect).joined?.(tensors) ?? [];
}

interface Surroundings {
  readonly byName: ReadonlyMap<string, TensorInfo>;
  readonly whyQuantizedAlready: WhyQuantizedAlready;
}

const known = new WeakMap<readonly TensorInfo[], Surroundings>();

/** What of its neighbours a tensor is judged by, found once for a model. */
function surroundings(tensors: readonly TensorInfo[]): Surroundings {
  const found = known.get(tensors) ?? {
    byName: new Map(tensors.map((info) => [info.name, info])),
    whyQuantizedAlready: quantizedAlready(tensors),
  };
  known.set(tensors, found);
  return found;
}

function checkRules(rules: ChooseRules): DialectName {
  checkNames("rules", rules, [
    "dialect",
    "bits",
    "axis",
    "granularity",
    "include",
    "exclude",
    "overrides",
  ] satisfies (keyof ChooseRules)[]);
  const { include = [], exclude = [], overrides = {}, dialect = "plain" } = rules;
  dialectNamed(dialect);
  checkPatterns("include", include);
  checkPatterns("exclude", exclude);
  checkSettings("", rules, dialect);
  checkOverrides(overrides, dialect);
  return dialect;
}

/** Patterns of the rules that match no tensor, for a warning: they may be misspelt. */
export function unmatchedPatterns(model: Pick<Model, "tensors">, rules: ChooseRules): string[] {
  const { include = [], exclude = [], overrides = {} } = rules;
  const patterns = [...include, ...exclude, ...Object.keys(overrides)];
  return patterns.filter((pattern) => !model.tensors.some(({ name }) => matchesGlob(name, pattern)));
}

/** @throws {RangeError} for bits that the dialect cannot hold. */
export function checkDialectBits(name: string, bits: number, dialect: DialectName): void {
  checkInteger(name, bits, 2, 16);
  const held: readonly number[] = dialects[dialect].bits;
  if (!held.includes(bits)) throw new RangeError(`${name} is ${bits}; the dialect ${dialect} holds ${held.join(", ")}`);
}

export function dialectNamed(name: DialectName): Dialect {
  if (Object.hasOwn(dialects, name)) return dialects[name];
  throw new TypeError(`dialect is ${shown(name)}; it must be one of ${Object.keys(dialects).join(", ")}`);
}

/** A tensor with the shape of its scales. */
export function withScaleShape(tensor: TensorInfo, { bits, axis, granularity }: Layout): QuantizedTensorInfo {
  return { tensor, bits, axis, granularity, scaleShape: makePlan(tensor.shape, axis, granularity).scaleShape };
}

function whyImpossible({ dtype, shape }: TensorInfo): string | undefined {
  if (!isFloatDtype(dtype)) return `${dtype}; only floats are quantized`;
  if (shape.length === 0) return "a single number";
  return elementsOf(shape) === 0 ? "it is empty" : undefined;
}

function whyKept(tensor: TensorInfo, dialect: Dialect, byName: ReadonlyMap<string, TensorInfo>): string | undefined {
  const { name, shape } = tensor;
  if (shape.filter((dimension) => dimension > 1).length < 2) return "a vector";
  if (isBias(name)) return "a bias";
  if (isPositionEmbedding(name)) return "an embedding of positions";
  if (isNorm(name)) return "a normalization";
  const elements = elementsOf(shape);
  if (elements < SMALL) return `small: ${elements} elements`;
  return dialect.keeps?.(tensor, byName);
}

/** How a tensor is quantized by the settings, or why it cannot be. */
function layoutOf({ name, shape }: TensorInfo, settings: ChooseSettings, format: Model["format"]): Layout | string {
  const bits = checkBits(settings.bits ?? 8);
  const { granularity = "channel" } = settings;
  if (typeof granularity === "object") {
    const along = onAxis(granularity.along, shape.length);
    if (along === undefined) return `it has no axis ${granularity.along} to lay groups along`;
    const dimension = shape[along];
    if (dimension % granularity.group !== 0) return `groups of ${granularity.group} do not divide ${dimension}`;
    return { bits, axis: undefined, granularity: { group: granularity.group, along } };
  }
  // Each element of a vector would be a channel.
  if (granularity === "tensor" || shape.length === 1) return { bits, axis: undefined, granularity: "tensor" };
  const axis = settings.axis ?? (format === "tfjs" ? (isDepthwiseKernel(name) ? -2 : -1) : 0);
  const counted = onAxis(axis, shape.length);
  return counted === undefined ? `it has no axis ${axis}` : { bits, axis: counted, granularity };
}

/** The axis counted from 0; undefined where the rank has none such. */
function onAxis(axis: number, rank: number): number | undefined {
  return axis < -rank || axis >= rank ? undefined : (axis + rank) % rank;
}

function checkOverrides(overrides: unknown, dialect: DialectName) {
  if (typeof overrides !== "object" || overrides === null || Array.isArray(overrides)) {
    throw new TypeError(`overrides must be an object of patterns and settings, not ${shown(overrides)}`);
  }
  for (const [pattern, settings] of Object.entries(overrides)) {
    const where = `overrides[${shown(pattern)}]`;
    checkNames(where, settings, ["bits", "axis", "granularity", "keep"] satisfies (keyof ChooseOverride)[]);
    checkSettings(`${where}.`, settings, dialect);
    if (settings.keep !== undefined) checkBoolean(`${where}.keep`, settings.keep);
  }
}

function checkSettings(where: string, { bits, axis, granularity }: ChooseSettings, dialect: DialectName) {
  if (bits !== undefined) checkDialectBits(`${where}bits`, bits, dialect);
  if (axis !== undefined) checkAxis(`${where}axis`, axis, MAX_RANK);
  if (typeof granularity === "object" && granularity !== null) {
    checkNames(`${where}granularity`, granularity, ["group", "along"]);
    if (granularity.along === undefined) {
      const example = `{ group: ${shown(granularity.group)}, along: -1 }`;
      throw new TypeError(`${where}granularity has no along, the axis on which groups lie: ${example} is the last`);
    }
    checkAxis(`${where}granularity.along`, granularity.along, MAX_RANK);
    checkInteger(`${where}granularity.group`, granularity.group, 1, Number.MAX_SAFE_INTEGER);
  } else if (granularity !== undefined) {
    checkGranularity(granularity, []);
  }
}

function checkPatterns(name: string, patterns: unknown) {
  if (!Array.isArray(patterns)) throw new TypeError(`${name} must be an array of patterns, not ${shown(patterns)}`);
  for (const pattern of patterns) {
    if (typeof pattern !== "string") throw new TypeError(`${name} has ${shown(pattern)}; patterns must be strings`);
  }
}
