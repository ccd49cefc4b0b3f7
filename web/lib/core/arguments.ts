import { typeOf } from "./arrays.js";
import type { Bits, Granularity } from "./types.js";

// Checks of single arguments. Each throws a TypeError for a wrong kind of value and a RangeError for a wrong value, and
// names the argument, the value and the limit.

/** The type of scales and dequantized values: float64 for float64 weights, otherwise float32. */
export type FloatArray = Float32Array | Float64Array;
export type CodeArray = Int8Array | Int16Array;
/** Arrays of weights. Halves are the bits of float16 or bfloat16. */
export type WeightArray = FloatArray | Uint16Array;

/**
 * The name of a typed array's type, such as "Float32Array", also for another realm such as a frame; otherwise the kind
 * of the value.
 */
export function kindOf(value: unknown): string {
  if (ArrayBuffer.isView(value)) return typeOf(value) ?? "DataView";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : typeof value;
}

export function isFloatArray(value: unknown): value is FloatArray {
  const kind = kindOf(value);
  return kind === "Float32Array" || kind === "Float64Array";
}

/** The value as text for a message. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "object" ? kindOf(value) : String(value);
}

/** Throws for anything but an object, and for unknown names: a misspelt option must not be ignored. */
export function checkNames(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} must be an object, not ${shown(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new TypeError(`${name} has no ${JSON.stringify(key)}; it has ${known.join(", ")}`);
  }
}

export function checkInteger(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${shown(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} is ${value}; it must be an integer from ${least} to ${most}`);
  }
  return value;
}

export function checkBits(value: unknown): Bits {
  return checkInteger("bits", value, 2, 16) as Bits;
}

export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false, not ${shown(value)}`);
}

/** Returns a copy of the shape. */
export function checkDimensions(value: unknown): number[] {
  if (!Array.isArray(value)) throw new TypeError(`shape must be an array of numbers, not ${shown(value)}`);
  const { length } = value;
  const shape: number[] = [];
  for (let i = 0; i < length; i++) shape.push(checkInteger(`shape[${i}]`, value[i], 1, Number.MAX_SAFE_INTEGER));
  return shape;
}

/** Checks that the dimensions multiply to `size` elements. */
export function checkSize(shape: readonly number[], size: number): void {
  const product = shape.reduce((a, b) => a * b, 1);
  if (product !== size) {
    throw new RangeError(`shape [${shape.join(", ")}] has ${exactly(product)} elements, but the array has ${size}`);
  }
}

/** A count for a message. Numbers that a double would round are not printed. */
export function exactly(count: number): string {
  return count > Number.MAX_SAFE_INTEGER ? "more than 2^53" : String(count);
}

/** Returns the axis counted from 0. */
export function checkAxis(name: string, value: unknown, rank: number): number {
  if (rank === 0) throw new RangeError(`${name} needs a dimension, but shape is []`);
  const axis = checkInteger(name, value, -rank, rank - 1);
  return axis < 0 ? axis + rank : axis;
}

/** Copies a granularity, which can be checked only when the shape is known. */
export function copyGranularity(value: unknown): unknown {
  return typeof value === "object" && value !== null ? { ...value } : value;
}

/** Returns the granularity with `along` counted from 0. */
export function checkGranularity(value: unknown, shape: readonly number[]): Granularity {
  if (value === "channel" || value === "tensor") return value;
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`granularity must be "channel", "tensor" or { group, along }, not ${shown(value)}`);
  }
  checkNames("granularity", value, ["group", "along"]);
  const { group, along = -1 } = value as Record<string, unknown>;
  const axis = checkAxis("granularity.along", along, shape.length);
  const dimension = shape[axis] as number;
  const size = checkInteger("granularity.group", group, 1, dimension);
  if (dimension % size !== 0) {
    throw new RangeError(`granularity.group is ${size}; it must divide shape[${axis}], which is ${dimension}`);
  }
  return { group: size, along: axis };
}
