import {
  blockTypes,
  type DialectName,
  type FileTypeName,
  fileTypes,
  type OnnxTarget,
  type Rules,
  type ScaleRule,
  scaleRules,
} from "channelwise/models";
import { readArchitecture } from "./architecture-file.js";
import { UsageError } from "./command-error.js";
import { didYouMean } from "./nearest.js";
import type { Values } from "./options.js";
import { MOST_THREADS } from "./workers.js";

const dialectNames = [
  "plain",
  "comfyui",
  "compressed-tensors",
  "compressed-tensors-w8a8",
  "npz",
] as const satisfies readonly DialectName[];

const targetNames = ["wasm", "webgpu", "native", "portable"] as const satisfies readonly OnnxTarget[];

/** The settings for tensors that options give. The library has defaults for the others. */
export type TensorSettings = Pick<
  Rules,
  "bits" | "scales" | "zeroPoints" | "balance" | "axis" | "granularity" | "blockType"
>;

type Granularity = NonNullable<Rules["granularity"]>;

/** The settings that the options of `quantize` give. */
export type Settings = Omit<Rules, "tensors">;

/** Part k of n, counted from 1. */
export interface Shard {
  readonly k: number;
  readonly n: number;
}

export function settingsOf(values: Values): Settings {
  const { dialect, bits, scales, axis, granularity, include = [], exclude = [], override = [], output = "" } = values;
  // This ending has no other meaning.
  const ofName = /\.npz$/i.test(output) ? "npz" : undefined;
  const chosen = dialect === undefined ? ofName : oneOf("--dialect", dialect, dialectNames);
  return {
    ...(chosen !== undefined && { dialect: chosen }),
    ...(bits !== undefined && { bits: integer("--bits", bits, 2, 16) }),
    ...(scales !== undefined && { scales: parseRule("--scales", scales) }),
    ...(values["zero-points"] && { zeroPoints: true }),
    ...(values.balance && { balance: true }),
    ...(axis !== undefined && { axis: parseAxis("--axis", axis) }),
    ...(granularity !== undefined && { granularity: parseGranularity("--granularity", granularity) }),
    ...(values.type !== undefined && { type: parseType(values.type) }),
    ...(values.encoder !== undefined && { encoder: oneOf("--encoder", values.encoder, ["ggml", "search"] as const) }),
    ...(values.arch !== undefined && { architecture: readArchitecture(values.arch) }),
    ...(values.convrot && { convrot: true }),
    ...(values.requantize && { requantize: true }),
    ...onnxSettingsOf(values),
    include,
    exclude,
    overrides: Object.fromEntries(override.map(parseOverride)),
  };
}

/** The options of .onnx models; the minimum size applies to all models. */
function onnxSettingsOf(
  values: Values,
): Pick<Rules, "opset" | "minimumSize" | "target" | "weightType" | "convInteger" | "float16"> {
  const { opset, target, "weight-type": weightType, "minimum-size": minimumSize } = values;
  return {
    ...(opset !== undefined && { opset: integer("--opset", opset, 1, 99) }),
    ...(minimumSize !== undefined && { minimumSize: integer("--minimum-size", minimumSize, 0, 2 ** 31) }),
    ...(values["conv-integer"] && { convInteger: true }),
    ...(values.float16 && { float16: true }),
    ...(target !== undefined && { target: oneOf("--target", target, targetNames) }),
    ...(weightType !== undefined && { weightType: oneOf("--weight-type", weightType, ["int8", "uint8"] as const) }),
  };
}

/** Parses a part such as "3/16". */
export function parseShard(text: string): Shard {
  const [, k, n] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (k === undefined || k < 1 || k > n || n > 99999) {
    throw new UsageError(`--shard is ${text}; it must be K/N with K from 1 to N, such as 3/16`);
  }
  return { k, n };
}

export function parseThreads(text: string): number {
  return integer("--threads", text, 1, MOST_THREADS);
}

export function parsePort(text: string): number {
  return integer("--port", text, 0, 65535);
}

/** Parses a limit in decimal notation. */
export function parseLimit(option: string, text: string, least = -Infinity): number {
  const value = /^[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new UsageError(`${option} is ${text}; it must be a number${least === 0 ? " from 0 up" : ""}`);
}

function oneOf<N extends string>(option: string, text: string, names: readonly N[]): N {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`${option} is ${text}; it must be one of ${names.join(", ")}${didYouMean(text, names)}`);
}

function parseRule(option: string, text: string): ScaleRule {
  return oneOf(option, text, scaleRules);
}

function parseZeroPoints(option: string, text: string): boolean {
  return oneOf(option, text, ["zero-points", "symmetric"]) === "zero-points";
}

function parseType(text: string): FileTypeName {
  const names = Object.keys(fileTypes) as FileTypeName[];
  const found = names.find((name) => name === text.toUpperCase());
  if (found) return found;
  const why = /^(IQ[123]|Q2_K_S)/i.test(text) ? ": types that need an importance matrix are not written" : "";
  throw new UsageError(`--type is ${text}; it must be one of ${names.join(", ")}${why || didYouMean(text, names)}`);
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} is ${text}; it must be an integer from ${least} to ${most}`);
}

/** Parses an axis. Arrays of numpy have at most 64 dimensions. */
function parseAxis(option: string, text: string): number {
  return integer(option, text, -64, 63);
}

/** Parses "channel", "tensor", "group:32" or "group:32@0". */
function parseGranularity(option: string, text: string): Granularity {
  if (text === "channel" || text === "tensor") return text;
  const [, group, along] = /^group:(\d+)(?:@(-?\d+))?$/.exec(text) ?? [];
  if (group === undefined) {
    const forms = ["channel", "tensor", "group:N", "group:N@AXIS"];
    throw new UsageError(`${option} is ${text}; it must be one of ${forms.join(", ")}${didYouMean(text, forms)}`);
  }
  return {
    group: integer(`${option} group`, group, 1, 2 ** 32),
    ...(along !== undefined && { along: parseAxis(`${option} axis`, along) }),
  };
}

/**
 * Parses "PATTERN=BITS,AXIS,GRANULARITY,SCALES,ZERO-POINTS,BALANCE", in which settings that do not change are empty or left out, or
 * "PATTERN=keep", or for a GGUF "PATTERN=Q6_K".
 */
function parseOverride(text: string): [string, TensorSettings & { readonly keep: boolean }] {
  const end = text.lastIndexOf("=");
  const [pattern, how] = [text.slice(0, end), text.slice(end + 1)];
  const option = `--override ${text}`;
  if (end < 1 || how === "") {
    throw new UsageError(`${option} must be PATTERN=BITS,AXIS,GRANULARITY,SCALES,ZERO-POINTS,BALANCE or PATTERN=keep`);
  }
  if (how === "keep") return [pattern, { keep: true }];
  const blockType = blockTypes.find((type) => type === how.toUpperCase());
  if (blockType) return [pattern, { keep: false, blockType }];
  const [bits, axis, granularity, scales, zeroPoints, balance, ...rest] = how.split(",");
  if (rest.length > 0)
    throw new UsageError(`${option} has more than BITS,AXIS,GRANULARITY,SCALES,ZERO-POINTS,BALANCE after the =`);
  return [
    pattern,
    {
      keep: false, // overrides an earlier pattern that keeps the tensor
      ...(bits && { bits: integer(`${option}: bits`, bits, 2, 16) }),
      ...(axis && { axis: parseAxis(`${option}: axis`, axis) }),
      ...(granularity && { granularity: parseGranularity(`${option}: granularity`, granularity) }),
      ...(scales && { scales: parseRule(`${option}: scales`, scales) }),
      ...(zeroPoints && { zeroPoints: parseZeroPoints(`${option}: zero points`, zeroPoints) }),
      ...(balance && { balance: oneOf(`${option}: balance`, balance, ["balance", "nearest"]) === "balance" }),
    },
  ];
}
