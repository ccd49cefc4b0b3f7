import { checkAxis, checkBits, checkBoolean, checkGranularity, shown } from "./arguments.js";
import { type Dtype, dtypeNumbers } from "./dtype.js";
import { rules, type ScaleRule, scaleRules } from "./scale-rules.js";
import type { Bits, Granularity, GranularityOption } from "./types.js";
import type { SchemeNumbers } from "./wasm/glue.js";

/**
 * How weights become codes: one value (Scheme of cpp/core/scheme.h), from the options of a call to the kernels, and
 * back into results and files.
 */
export interface Scheme {
  /** The number of bits of a code, 2 to 16. */
  readonly bits: Bits;
  /**
   * The type in which scales are stored, to which they are rounded before codes and error figures are made; if
   * undefined, that of the arithmetic.
   */
  readonly scaleType?: Dtype | undefined;
  /** The rule for scales; undefined in a file, which does not contain it. */
  readonly rule?: ScaleRule | undefined;
  /** Whether each scale has a zero point; otherwise the code 0 stands for 0. */
  readonly zeroPoints?: boolean | undefined;
  /** Whether the errors of each group are balanced (balance/); the kernels know nothing of that. */
  readonly balance?: boolean | undefined;
  /** The channel axis, counted from 0; undefined unless there is a scale per channel. */
  readonly axis: number | undefined;
  /** The weights that share a scale; `along` is counted from 0. */
  readonly granularity: Granularity;
}

/** The options of a scheme. Those that are left out have a default. */
export interface SchemeOptions {
  /** The channel axis, negative from the end; 0 by default. It has no meaning per tensor or with groups. */
  readonly axis?: number | undefined;
  /** The number of bits of a code, 2 to 16; 8 by default. */
  readonly bits?: Bits | (number & {}) | undefined;
  /** The rule for scales; "max" by default. */
  readonly scales?: ScaleRule | undefined;
  /** Whether each scale has a zero point; false by default. */
  readonly zeroPoints?: boolean | undefined;
  /** The weights that share a scale; "channel" by default. */
  readonly granularity?: GranularityOption | undefined;
  /** The type in which scales are stored; by default that of the arithmetic. */
  readonly scaleType?: Dtype | undefined;
}

/**
 * The scheme of options for weights of a shape.
 *
 * @throws {TypeError | RangeError} for options that are wrong, or that do not fit the shape.
 */
export function schemeOf(options: SchemeOptions, shape: readonly number[]): Scheme {
  const { bits = 8, scaleType, zeroPoints = false } = options;
  const { axis, granularity } = checkSharing(options, shape);
  const rule = checkRule("scales", options.scales);
  checkZeroPoints(zeroPoints, rule);
  return { bits: checkBits(bits), rule, zeroPoints, axis, granularity, scaleType };
}

/** The rule with this name; the first one by default. */
export function checkRule(name: string, value: unknown): ScaleRule {
  if (value === undefined) return scaleRules[0] as ScaleRule;
  const found = scaleRules.find((rule) => rule === value);
  if (found !== undefined) return found;
  const known = scaleRules.map((rule) => `"${rule}"`).join(", ");
  throw new TypeError(`${name} must be one of ${known}, not ${shown(value)}`);
}

/** Throws for zero points with a rule that has no meaning then. */
export function checkZeroPoints(value: unknown, rule: ScaleRule): void {
  checkBoolean("zeroPoints", value);
  if (value && rule === "signed-max") {
    throw new TypeError('scales is "signed-max"; with zeroPoints it must be "max" or "search"');
  }
}

/** Whether scales may be negative, which some readers refuse. */
export const mayBeNegative = ({ rule = "max", zeroPoints }: Pick<Scheme, "rule" | "zeroPoints">): boolean =>
  rules[rule].negative && !zeroPoints;

/** The scheme as the module takes it. */
export function schemeNumbers({ bits, scaleType = "float64", rule = "max", zeroPoints }: Scheme): SchemeNumbers {
  return [bits, dtypeNumbers[scaleType], scaleRules.indexOf(rule), !!zeroPoints]; // float64 holds every scale of the arithmetic
}

/** Checks granularity and axis. The axis has a meaning per channel only. */
export function checkSharing(
  { axis = 0, granularity = "channel" }: { readonly axis?: unknown; readonly granularity?: unknown },
  shape: readonly number[],
): Pick<Scheme, "axis" | "granularity"> {
  const checked = checkGranularity(granularity, shape);
  return { granularity: checked, axis: checked === "channel" ? checkAxis("axis", axis, shape.length) : undefined };
}

/** The type of array that holds unpacked codes. */
export const codeKind = ({ bits }: Pick<Scheme, "bits">) => (bits > 8 ? "Int16Array" : "Int8Array");
