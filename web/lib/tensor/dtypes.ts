import type { Dtype as FloatDtype } from "../core/dtype.js";

export type { FloatDtype };

/** The bits of an element of each type, by the names that numpy and PyTorch use. */
const bitsOfDtype = {
  bool: 8,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  uint32: 32,
  int32: 32,
  uint64: 64,
  int64: 64,
  float4_e2m1: 4,
  float6_e2m3: 6,
  float6_e3m2: 6,
  float8_e4m3fn: 8,
  float8_e4m3fnuz: 8,
  float8_e5m2: 8,
  float8_e5m2fnuz: 8,
  float8_e8m0: 8,
  float16: 16,
  bfloat16: 16,
  float32: 32,
  float64: 64,
  complex64: 64,
} as const;

/** The type of a tensor's elements. */
export type Dtype = keyof typeof bitsOfDtype;

export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return dtype === "float16" || dtype === "bfloat16" || dtype === "float32" || dtype === "float64";
}

/** The size of an element in bytes, for types of whole bytes. Types of 4 and 6 bits are only copied, byte by byte. */
export function bytesPerElement(dtype: Dtype): number {
  return Math.max(1, bitsOfDtype[dtype] / 8);
}

/** The most dimensions, as in numpy and PyTorch. */
export const MAX_RANK = 64;

/** The most elements of the widest type whose number of bits is exact. */
const MAX_ELEMENTS = 2 ** 47;

/** The limits of shapes, for messages. */
export const shapeLimits = `at most ${MAX_RANK} integers from 0 up, whose product without zeros is at most ${MAX_ELEMENTS}`;

/** Whether a value from a file is a shape. */
export function isShape(value: unknown): value is number[] {
  const isCount = (each: unknown) => Number.isSafeInteger(each) && (each as number) >= 0;
  if (!Array.isArray(value) || value.length > MAX_RANK || !value.every(isCount)) return false;
  // A zero dimension must not hide that the product of the others is too large.
  return elementsOf(value.filter((dimension) => dimension > 0)) <= MAX_ELEMENTS;
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * The size in bytes of a tensor with any shape that a damaged file may give; undefined where it is not whole. It is
 * BigInt, since products are not bounded.
 */
export function exactByteLength(dtype: Dtype, shape: readonly number[]): bigint | undefined {
  const bits = shape.reduce((product, dimension) => product * BigInt(dimension), BigInt(bitsOfDtype[dtype]));
  return bits % 8n === 0n ? bits / 8n : undefined;
}

/** The size in bytes of a tensor with a valid shape. */
export function byteLengthOf(dtype: Dtype, shape: readonly number[]): number {
  return (elementsOf(shape) * bitsOfDtype[dtype]) / 8;
}
