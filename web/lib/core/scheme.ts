import { checkAxis, checkBits, checkGranularity, shown } from "./arguments.js";
import type { Dtype } from "./dtype.js";
import type { Bindings, SchemeNumbers } from "./glue.js";
import { rules, type ScaleRule, scaleRules } from "./scale-rules.js";
import type { Bits, Granularity, GranularityOption } from "./types.js";

/** How weights become codes: one value (Scheme of cpp/core/scheme.h), from the options of a call to the kernels, and back into results and files. */
export interface Scheme {
  /** Bits of a code, 2 to 16. */
  readonly bits: Bits;
  /**
   * The type in which scales are stored: they are rounded to it before codes and error figures are made of them. That of the
   * arithmetic where it is undefined.
   */
  readonly scaleType?: Dtype | undefined;
  /** How ranges become scales; undefined in a file, which does not say it. */
  readonly rule?: ScaleRule | undefined;
  /** The channel axis, counted from 0; undefined where no scale is that of a channel. */
  readonly axis: number | undefined;
  /** What shares one scale; `along` is counted from 0. */
  readonly granularity: Granularity;
}

/** What callers say of a scheme; what they leave out has a default. */
export interface SchemeOptions {
  /** The channel axis, negative from the end; 0 when not given. Has no meaning per tensor or with groups. */
  readonly axis?: number | undefined;
  /** 2 to 16; 8 when not given. */
  readonly bits?: Bits | (number & {}) | undefined;
  /** How ranges become scales; "max" when not given. */
  readonly scales?: ScaleRule | undefined;
  /** "channel" when not given. */
  readonly granularity?: GranularityOption | undefined;
  /** The type in which scales are stored; that of the arithmetic when not given. */
  readonly scaleType?: Dtype | undefined;
}

/**
 * The scheme that options say for weights of a shape.
 *
 * @throws {TypeError | RangeError} for options that are wrong, or that the shape cannot have.
 */
export function schemeOf(options: SchemeOptions, shape: readonly number[]): Scheme {
  const { bits = 8, scaleType } = options;
  const { axis, granularity } = checkSharing(options, shape);
  return { bits: checkBits(bits), rule: checkRule("scales", options.scales), axis, granularity, scaleType };
}

/** The rule of that name; the first where none is given. */
export function checkRule(name: string, value: unknown): ScaleRule {
  if (value === undefined) return scaleRules[0] as ScaleRule;
  const found = scaleRules.find((rule) => rule === value);
  if (found !== undefined) return found;
  const known = scaleRules.map((rule) => `"${rule}"`).join(", ");
  throw new TypeError(`${name} must be one of ${known}, not ${shown(value)}`);
}

/** Whether scales may be negative, which not every reader takes. */
export const mayBeNegative = ({ rule = "max" }: Pick<Scheme, "rule">): boolean => rules[rule].negative;

/** The scheme as the module takes it. */
export function schemeNumbers(bindings: Bindings, scheme: Scheme): SchemeNumbers {
  const { bits, scaleType = "float64", rule = "max" } = scheme; // float64 holds all that the arithmetic has
  return [bits, bindings[scaleType], bindings[rule]];
}

/** Granularity and axis, checked. The axis has a meaning per channel only. */
export function checkSharing(
  { axis = 0, granularity = "channel" }: { readonly axis?: unknown; readonly granularity?: unknown },
  shape: readonly number[],
): Pick<Scheme, "axis" | "granularity"> {
  const checked = checkGranularity(granularity, shape);
  return { granularity: checked, axis: checked === "channel" ? checkAxis("axis", axis, shape.length) : undefined };
}

/** The arrays in which codes lie by themselves. */
export const codeKind = ({ bits }: Pick<Scheme, "bits">) => (bits > 8 ? "Int16Array" : "Int8Array");
