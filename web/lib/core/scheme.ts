import { checkAxis, checkBits, checkGranularity } from "./arguments.js";
import type { Bits, Granularity, GranularityOption } from "./types.js";

/** How weights become codes: one value, from the options of a call to the kernels, and back into results and files. */
export interface Scheme {
  /** Bits of a code, 2 to 16. */
  readonly bits: Bits;
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
  /** "channel" when not given. */
  readonly granularity?: GranularityOption | undefined;
}

/**
 * The scheme that options say for weights of a shape.
 *
 * @throws {TypeError | RangeError} for options that are wrong, or that the shape cannot have.
 */
export function schemeOf(options: SchemeOptions, shape: readonly number[]): Scheme {
  const { bits = 8 } = options;
  return { bits: checkBits(bits), ...checkLayout(options, shape) };
}

/** Granularity and axis, checked. The axis has a meaning per channel only. */
export function checkLayout(
  { axis = 0, granularity = "channel" }: SchemeOptions,
  shape: readonly number[],
): Pick<Scheme, "axis" | "granularity"> {
  const checked = checkGranularity(granularity, shape);
  return { granularity: checked, axis: checked === "channel" ? checkAxis("axis", axis, shape.length) : undefined };
}
