import { shown } from "../core/arguments.js";
import { checkRanges } from "./ranges.js";
import type { CodingOptions, Precision, Scaling } from "./types.js";
import { checkDimensions } from "./vectors.js";

/** How vectors become codes, checked. */
export interface Coding {
  readonly dimensions: number;
  readonly precision: Precision;
  readonly scaling: Scaling;
  readonly profile: "sentence-transformers" | undefined;
  /** Whether bytes of bits have a sign. */
  readonly isSigned: boolean;
}

/** Where codes begin and how wide they are, for each dimension, as the kernels take them: float32. */
export interface Steps {
  readonly starts: Float32Array<ArrayBuffer>;
  readonly steps: Float32Array<ArrayBuffer>;
  /** Codes are integers from `least` to `most`, less `offset`. */
  readonly least: number;
  readonly most: number;
  readonly offset: number;
  /** What lies in the middle of a code: 0, or half a step where numbers are rounded down. */
  readonly middle: number;
}

export const codingOptions = ["dimensions", "precision", "profile"] as const;

const precisions = ["int8", "uint8", "int4", "binary"] as const;

/** Checks a scaling with its options; the names of these have been checked. */
export function takeCoding(scaling: unknown, options: CodingOptions): Coding {
  const { profile } = options;
  if (profile !== undefined && profile !== "sentence-transformers") {
    throw new RangeError(`profile is ${shown(profile)}; it must be "sentence-transformers"`);
  }
  const precision = takePrecision(options.precision ?? "int8", profile);
  const taken = takeScaling(scaling);
  const dimensions = takeDimensions(taken, options.dimensions);
  const isSigned = precision === "binary" && profile !== undefined && options.precision === "binary";
  if (typeof taken === "string" && precision === "uint8") {
    throw new RangeError(`precision is "uint8", which needs ranges; with "${taken}" use "int8"`);
  }
  if (profile !== undefined && (precision === "int4" || (typeof taken === "string" && precision !== "binary"))) {
    throw new RangeError(
      `profile has no ${shown(precision)} with this scaling; it has "int8" and "uint8" with ranges, "binary", "ubinary"`,
    );
  }
  if (taken === "group" && precision !== "int4") {
    throw new RangeError(`scaling is "group", which needs precision "int4", not ${shown(precision)}`);
  }
  return { dimensions, precision, scaling: taken, profile, isSigned };
}

function takePrecision(value: unknown, profile: string | undefined): Precision {
  if (value === "ubinary" && profile !== undefined) return "binary";
  if (!precisions.includes(value as Precision)) {
    throw new RangeError(`precision is ${shown(value)}; it must be one of ${precisions.join(", ")}`);
  }
  return value as Precision;
}

function takeScaling(value: unknown): Scaling {
  if (value === "unit" || value === "row" || value === "group") return value;
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`scaling must be "unit", "row", "group" or the ranges of fitRanges, not ${shown(value)}`);
  }
  return checkRanges(value);
}

function takeDimensions(scaling: Scaling, given: unknown): number {
  if (typeof scaling === "string") return checkDimensions(given);
  if (given !== undefined && given !== scaling.dimensions) {
    throw new RangeError(`dimensions is ${shown(given)}, but the ranges have ${scaling.dimensions}`);
  }
  return scaling.dimensions;
}

/**
 * Each step is formed in float32; that of a constant dimension is 1. So are those of "row" and "group", whose vectors
 * have scales beside their codes.
 */
export function stepsOf({ dimensions, precision, scaling, profile }: Coding): Steps {
  const isNibbles = precision === "int4";
  const starts = new Float32Array(dimensions);
  const steps = new Float32Array(dimensions).fill(1);
  if (typeof scaling === "string") {
    const most = isNibbles ? 7 : 127;
    if (scaling === "unit") steps.fill(1 / most);
    return { starts, steps, least: scaling === "group" ? -8 : -most, most, offset: 0, middle: 0 };
  }
  const most = isNibbles ? 15 : 255;
  starts.set(scaling.lows);
  scaling.highs.forEach((high, d) => {
    steps[d] = Math.fround(Math.fround(high - (starts[d] as number)) / most) || 1;
  });
  const offset = precision === "uint8" ? 0 : (most + 1) / 2;
  return { starts, steps, least: 0, most, offset, middle: profile === undefined ? 0 : 0.5 };
}

/** Bytes of the nibbles of a row of groups, which its factors and centres follow: see cpp/embeddings/kernels.h. */
export function nibblesOfGroups(dimensions: number): number {
  return Math.ceil(dimensions / 32) * 16;
}

/** Bytes of the codes of a vector. */
export function bytesOfCodes({ dimensions, precision, scaling }: Coding): number {
  if (scaling === "group") return nibblesOfGroups(dimensions) + Math.ceil(dimensions / 128) * 16;
  if (precision === "int4") return Math.ceil(dimensions / 2);
  return precision === "binary" ? Math.ceil(dimensions / 8) : dimensions;
}

/** Whether each vector has a scale, which is stored beside its codes. */
export function hasScales({ precision, scaling }: Coding): boolean {
  return precision !== "binary" && (scaling === "row" || scaling === "group");
}
