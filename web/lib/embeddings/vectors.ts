import { checkInteger, kindOf, shown } from "../core/arguments.js";
import { MOST_DIMENSIONS } from "./kernels.js";

// Checks of vectors, whose rows lie one after the other in a Float32Array.

export function checkDimensions(value: unknown): number {
  return checkInteger("dimensions", value, 1, MOST_DIMENSIONS);
}

/** Returns the number of vectors. */
export function countVectors(name: string, vectors: unknown, dimensions: number): number {
  if (kindOf(vectors) !== "Float32Array") {
    throw new TypeError(`${name} must be a Float32Array with one vector after the other, not ${shown(vectors)}`);
  }
  const { length } = vectors as Float32Array;
  if (length === 0) throw new RangeError(`${name} is empty`);
  if (length % dimensions !== 0) {
    throw new RangeError(`${name} has ${length} numbers, which is not a multiple of ${dimensions} dimensions`);
  }
  return length / dimensions;
}

/** The error for the first number from `from` on that is not finite. */
export function nonFiniteError(name: string, vectors: Float32Array, dimensions: number, from: number): RangeError {
  const index = vectors.findIndex((x, i) => i >= from && !Number.isFinite(x));
  return numberError(name, vectors, dimensions, index, "vectors must be finite");
}

/** The error for a number of a vector. */
export function numberError(
  name: string,
  vectors: Float32Array,
  dimensions: number,
  index: number,
  remedy: string,
): RangeError {
  const where = `vector ${Math.floor(index / dimensions)}, dimension ${index % dimensions}`;
  return new RangeError(`${name}[${index}] (${where}) is ${vectors[index]}; ${remedy}`);
}
