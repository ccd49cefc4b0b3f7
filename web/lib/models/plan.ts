import { checkAxis, checkBoolean, checkGranularity, checkInteger, checkNames, shown } from "../core/arguments.js";
import { checkRule } from "../core/scheme.js";
import type { Decision } from "../formats/decision.js";
import { namedTensors } from "../formats/dialects/kind.js";
import type { Model, ModelKind, Plan, Target } from "../formats/format.js";
import type { Settings, TargetOptions } from "../formats/settings.js";
import { matchesGlob } from "../io/globs.js";
import { elementsOf, MAX_RANK } from "../tensor/dtypes.js";
import type { ModelTensor } from "../tensor/tensor.js";
import { warningsOf } from "./warnings.js";

export interface Override extends Settings {
  /** Whether the tensor stays as it is. */
  readonly keep?: boolean | undefined;
}

/**
 * Which tensors are quantized, and how. Patterns match names of tensors, and in .onnx models also names of the nodes
 * that use them. `*` matches any characters, including dots, and `?` matches one.
 */
export interface Rules extends Settings, TargetOptions {
  /** Patterns of names that are quantized although the policy keeps them. They win over `exclude`. */
  readonly include?: readonly string[] | undefined;
  /** Patterns of names that are kept although the policy quantizes them. `["*"]` leaves those that `include` names. */
  readonly exclude?: readonly string[] | undefined;
  /**
   * Other settings for names that match a pattern. The last pattern that matches counts, and wins over `include` too.
   */
  readonly overrides?: Readonly<Record<string, Override>> | undefined;
  /** Settings for single tensors, by their index in the model. These are quantized whatever the policy says. */
  readonly tensors?: ReadonlyMap<number, Override> | undefined;
  /** The number of elements below which a tensor stays as it is; by default 1024, but 0 for a file of one array. */
  readonly minimumSize?: number | undefined;
}

export const settingNames = [
  "bits",
  "scales",
  "zeroPoints",
  "balance",
  "axis",
  "granularity",
  "blockType",
] satisfies (keyof Settings)[];
const ruleNames = [
  ...settingNames,
  ...([
    "dialect",
    "opset",
    "target",
    "weightType",
    "convInteger",
    "float16",
    "type",
    "encoder",
    "architecture",
    "convrot",
    "requantize",
  ] satisfies (keyof TargetOptions)[]),
  "include",
  "exclude",
  "overrides",
  "tensors",
  "minimumSize",
] satisfies (keyof Rules)[];

/**
 * Decides for every tensor of a model whether and how it is quantized. The policy quantizes float tensors of rank 2 and
 * above, except for norms, biases, embeddings of positions and tensors of fewer than 1024 elements; of an .onnx model
 * it quantizes the weights that its nodes use. In a model that is quantized already, tensors that belong to codes, such
 * as their scales, are always kept. No data are read.
 *
 * If the policy keeps one of the tensors that readers join into one layer, it keeps them all. Rules for single ones of
 * them are followed, and the plan has a warning.
 *
 * @throws {TypeError | RangeError} for rules that are wrong, or that the target cannot fulfil.
 */
export function planModel(given: Model, rules: Rules = {}): Plan {
  checkNames("rules", rules, ruleNames);
  const model = inputOf(given, rules);
  const { include = [], exclude = [], overrides = {}, tensors } = rules;
  const target = targetOf(model, rules);
  checkPatterns("include", include);
  checkPatterns("exclude", exclude);
  checkSettings("", rules, target);
  checkOverrides(overrides, target);
  if (tensors !== undefined) checkTensors(tensors, model, target);
  const { minimumSize = target.smallest } = rules;
  if (typeof minimumSize !== "number" || !(minimumSize >= 0)) {
    throw new RangeError(`minimumSize is ${shown(minimumSize)}; it must be a number of elements from 0 up`);
  }

  const isIncluded = (tensor: ModelTensor) =>
    include.some((pattern) => namesOf(tensor).some((name) => matchesGlob(name, pattern)));
  const decisions = model.tensors.map((tensor, place) => {
    const own = tensors?.get(place);
    if (own?.keep) return kept(target, tensor, CHOSEN);
    const names = namesOf(tensor);
    const matches = (pattern: string) => names.some((name) => matchesGlob(name, pattern));
    const settings: Override = { ...pick(rules), ...overrideOf(tensor, overrides) };
    const isWanted = own !== undefined || isIncluded(tensor);
    if (own) Object.assign(settings, { ...own, keep: false });
    const why = settings.keep ? BY_OVERRIDE : exclude.some(matches) ? EXCLUDED : undefined;
    return decide(target, tensor, settings, { isWanted, why, minimumSize });
  });
  const isAsked = (place: number) => tensors?.has(place) || isIncluded(model.tensors[place]);
  keepTogether(decisions, target, isAsked);
  const isUnmatched = (pattern: string) =>
    !model.tensors.some((tensor) => namesOf(tensor).some((name) => matchesGlob(name, pattern)));
  const unmatched = [...include, ...exclude, ...Object.keys(overrides)].filter(isUnmatched);
  const notes = target.notes?.({ model, decisions }) ?? [];
  return { model, target, decisions, unmatched, notes, warnings: warningsOf(target, decisions) };
}

/** The model with the tensors that are decided about: those of its GGUF, and weights in place of blocks. */
function inputOf(given: Model, rules: Rules): Model {
  const model = rules.requantize ? (kindOf(given).asFloats?.(given) ?? given) : given;
  return rules.type === undefined ? model : (kindOf(model).asGguf?.(model, rules) ?? model);
}

/** The reason for tensors that the rules exclude. */
const EXCLUDED = "excluded";
const BY_OVERRIDE = "kept by an override";
const CHOSEN = "chosen";

/**
 * Keeps the tensors that are joined with one that is kept by the policy, or that cannot be quantized as the rules say.
 */
function keepTogether(decisions: Decision[], target: Target, isAsked: (place: number) => boolean): void {
  const { joiner, lists } = target.joined?.() ?? { joiner: "", lists: [] };
  for (const places of lists) {
    const first = places.map((place) => decisions[place]).find((each) => !each.quantize && !isByRules(each.reason));
    if (first === undefined || first.quantize) continue;
    const reason = `${joiner} joins it with one that is kept: ${first.tensor} (${first.reason})`;
    for (const place of places) {
      const { tensor, bytesBefore, quantize } = decisions[place];
      if (quantize && !isAsked(place)) {
        decisions[place] = { tensor, bytesBefore, quantize: false, bytesAfter: bytesBefore, reason };
      }
    }
  }
}

function isByRules(reason: string): boolean {
  return reason === EXCLUDED || reason === BY_OVERRIDE || reason === CHOSEN;
}

/**
 * The decision for a tensor with some settings, whatever the policy says.
 *
 * @throws {TypeError | RangeError} as `planModel` does.
 */
export function planTensor(model: Model, place: number, settings: Settings, options: TargetOptions = {}): Decision {
  const target = targetOf(model, options);
  checkSettings("", settings, target);
  const tensor = model.tensors[place] as ModelTensor;
  return decide(target, tensor, settings, { isWanted: true, why: undefined, minimumSize: 0 });
}

/** What the overrides whose patterns match a tensor say, the last one first. */
export function overrideOf(tensor: ModelTensor, overrides: NonNullable<Rules["overrides"]> = {}): Override {
  const found: Override = {};
  for (const [pattern, override] of Object.entries(overrides)) {
    if (namesOf(tensor).some((name) => matchesGlob(name, pattern))) Object.assign(found, override);
  }
  return found;
}

/** The names that patterns are matched with. */
function namesOf({ name, nodes = [] }: ModelTensor): readonly string[] {
  return [name, ...nodes];
}

/** The kind of a model: its own, or else that of named tensors. */
export function kindOf(model: Partial<Model>): ModelKind {
  return model.kind ?? namedTensors;
}

function targetOf(model: Model, options: TargetOptions): Target {
  const { dialect, opset, target, weightType, convInteger, float16, type, encoder, architecture, convrot, requantize } =
    options;
  if (convrot !== undefined) checkBoolean("convrot", convrot);
  if (convrot && dialect !== "comfyui") {
    throw new TypeError("convrot is true; it needs the dialect comfyui, whose reader rotates activations: give it");
  }
  if (architecture !== undefined && type === undefined && dialect !== "comfyui") {
    throw new TypeError(`architecture is ${shown(architecture)}; it needs a type or the dialect comfyui: give one`);
  }
  if (type !== undefined && !kindOf(model).writesGguf) {
    const remedy = "convert a language model with convert_hf_to_gguf.py of llama.cpp first";
    throw new TypeError(`type is ${shown(type)}, and ${model.name} is not a GGUF file: ${remedy}`);
  }
  return kindOf(model).target(model, {
    dialect,
    opset,
    target,
    weightType,
    convInteger,
    float16,
    type,
    encoder,
    architecture,
    convrot,
    requantize,
  });
}

interface Asked {
  /** Whether it is quantized although it is excluded, small or kept by the policy. */
  readonly isWanted: boolean;
  /** The reason to keep it, if there is one. */
  readonly why: string | undefined;
  readonly minimumSize: number;
}

function decide(
  target: Target,
  tensor: ModelTensor,
  settings: Override,
  { isWanted, why, minimumSize }: Asked,
): Decision {
  const impossible = target.whyImpossible(tensor);
  if (impossible !== undefined) return kept(target, tensor, impossible);
  if (settings.keep) return kept(target, tensor, why as string);
  if (!isWanted) {
    const elements = elementsOf(tensor.shape);
    const small = elements < minimumSize ? `small: ${elements} elements` : undefined;
    const reason = why ?? target.whyKept(tensor) ?? small;
    if (reason !== undefined) return kept(target, tensor, reason);
  }
  const way = target.wayOf(tensor, settings);
  if (typeof way === "string") return kept(target, tensor, way);
  if (!isWanted && !target.grows && way.bytesAfter >= tensor.byteLength)
    return kept(target, tensor, "it would not become smaller");
  return { tensor: tensor.name, bytesBefore: tensor.byteLength, quantize: true, ...way };
}

function kept(target: Target, tensor: ModelTensor, reason: string): Decision {
  const { name, byteLength } = tensor;
  const bytesAfter = target.keptBytes?.(tensor) ?? byteLength;
  return { tensor: name, bytesBefore: byteLength, quantize: false, bytesAfter, reason };
}

function pick({ bits, scales, zeroPoints, balance, axis, granularity, blockType }: Settings): Settings {
  return { bits, scales, zeroPoints, balance, axis, granularity, blockType };
}

function checkOverrides(overrides: unknown, target: Target) {
  if (typeof overrides !== "object" || overrides === null || Array.isArray(overrides)) {
    throw new TypeError(`overrides must be an object of patterns and settings, not ${shown(overrides)}`);
  }
  for (const [pattern, settings] of Object.entries(overrides)) {
    checkOverride(`overrides[${shown(pattern)}]`, settings, target);
  }
}

function checkTensors(tensors: unknown, { tensors: all }: Model, target: Target) {
  if (Object.prototype.toString.call(tensors) !== "[object Map]") {
    throw new TypeError(`tensors must be a Map of places and settings, not ${shown(tensors)}`);
  }
  for (const [place, settings] of tensors as ReadonlyMap<number, Override>) {
    const tensor = all[place];
    if (tensor === undefined) {
      throw new RangeError(`tensors has the place ${shown(place)}; the model has ${all.length} tensors`);
    }
    checkOverride(`tensors[${place}] (${tensor.name})`, settings, target);
  }
}

function checkOverride(where: string, settings: Override, target: Target) {
  checkNames(where, settings, [...settingNames, "keep"]);
  checkSettings(`${where}.`, settings, target);
  if (settings.keep !== undefined) checkBoolean(`${where}.keep`, settings.keep);
}

function checkSettings(where: string, settings: Settings, target: Target) {
  const { bits, scales, zeroPoints, balance, axis, granularity, blockType } = settings;
  if (blockType !== undefined) checkBlockType(`${where}blockType`, blockType, target);
  if (bits !== undefined) checkHeldBits(`${where}bits`, bits, target);
  if (zeroPoints !== undefined) checkBoolean(`${where}zeroPoints`, zeroPoints);
  if (zeroPoints && target.symmetric !== undefined) {
    throw new RangeError(`${where}zeroPoints is true, and ${target.symmetric} takes no zero points: leave it out`);
  }
  if (balance !== undefined) checkBoolean(`${where}balance`, balance);
  if (balance && target.blockTypes !== undefined) {
    throw new RangeError(`${where}balance is true, and the blocks of a GGUF have encoders of their own: leave it out`);
  }
  if (scales !== undefined) target.checkRule(`${where}scales`, checkRule(`${where}scales`, scales), zeroPoints);
  if (axis !== undefined) checkAxis(`${where}axis`, axis, MAX_RANK);
  if (typeof granularity === "object" && granularity !== null) {
    checkNames(`${where}granularity`, granularity, ["group", "along"]);
    checkInteger(`${where}granularity.group`, granularity.group, 1, Number.MAX_SAFE_INTEGER);
    if (granularity.along === undefined) return;
    checkAxis(`${where}granularity.along`, granularity.along, MAX_RANK);
    if (target.groupsAlong) return;
    const remedy = `leave out along: ${shown(granularity.along)}`;
    throw new TypeError(
      `${where}granularity: in an .onnx model groups lie along what an operator sums over; ${remedy}`,
    );
  }
  if (granularity !== undefined) checkGranularity(granularity, []);
}

function checkBlockType(name: string, value: unknown, { blockTypes }: Target): void {
  if (blockTypes === undefined) throw new TypeError(`${name} is for a GGUF that is written: give a type too`);
  if (blockTypes.some((each) => each === value)) return;
  throw new TypeError(`${name} is ${shown(value)}; it must be one of ${blockTypes.join(", ")}`);
}

function checkHeldBits(name: string, bits: number, { bits: held, dialect }: Target): void {
  checkInteger(name, bits, 2, 16);
  if (!held.includes(bits)) throw new RangeError(`${name} is ${bits}; the dialect ${dialect} holds ${held.join(", ")}`);
}

function checkPatterns(name: string, patterns: unknown) {
  if (!Array.isArray(patterns)) throw new TypeError(`${name} must be an array of patterns, not ${shown(patterns)}`);
  for (const pattern of patterns) {
    if (typeof pattern !== "string") throw new TypeError(`${name} has ${shown(pattern)}; patterns must be strings`);
  }
}
