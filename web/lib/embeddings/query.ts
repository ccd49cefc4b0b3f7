import { type Coding, nibblesOfGroups, stepsOf } from "./coding.js";
import type { Metric } from "./types.js";

/** A query as the kernels take it. */
export interface Query {
  /** Its numbers as integers of 16 bits; or its signs, where vectors are bits. */
  readonly codes: Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  /** A score begins as bias + factor * dot. */
  readonly factor: number;
  readonly bias: number;
  /** The sum of its squares. */
  readonly squares: number;
}

/** The largest magnitude of a query's integers with which no sum of products is beyond 32 bits. */
function mostOf({ dimensions, precision, scaling }: Coding): number {
  const isGroups = scaling === "group";
  const largestCode = isGroups ? 2048 : precision === "int4" ? 8 : 128;
  // The sum of the numbers of a group has 16 bits, too.
  return Math.min(isGroups ? 2047 : 32767, Math.floor(0x7fffffff / (largestCode * dimensions)));
}

/** Adding and subtracting rounds half to even, for magnitudes below 2^51. */
const ROUNDER = 1.5 * 2 ** 52;

/**
 * Makes a query of the numbers of a vector. The dot product with what the codes c of a vector stand for, which are
 * start + step * c for each dimension, times the vector's scale with "row" and "group", is
 *
 *     sum(x * start) + sum(x * step * c)  ~  bias + factor * sum(n * c)
 *
 * where n are the x * step as integers of 16 bits, so that their sum of products is exact in any order.
 * @param length of the codes, at least as many as there are dimensions.
 */
export function newQuery(coding: Coding, metric: Metric, x: ArrayLike<number>, length: number): Query {
  const { dimensions, precision } = coding;
  if (precision === "binary") return queryOfSigns(coding, x, length);
  const { starts, steps, offset, middle } = stepsOf(coding);
  const products = new Float64Array(dimensions);
  let [squares, bias, largest] = [0, 0, 0];
  for (let d = 0; d < dimensions; d++) {
    const number = x[d] as number;
    squares += number * number;
    const step = steps[d] as number;
    bias += number * ((starts[d] as number) + step * (offset + middle));
    products[d] = number * step;
    largest = Math.max(largest, Math.abs(products[d] as number));
  }
  const scale = largest / mostOf(coding) || 1;
  const codes = new Int16Array(length);
  const sums = codes.subarray(2 * nibblesOfGroups(dimensions));
  for (let d = 0; d < dimensions; d++) {
    const code = (products[d] as number) / scale + ROUNDER - ROUNDER;
    // The order of nibbles: see cpp/embeddings/kernels.h.
    codes[precision === "int4" ? (d & -32) + ((d & 3) << 3) + ((d & 31) >> 2) : d] = code;
    if (coding.scaling === "group") (sums[d >> 4] as number) += code;
  }
  return { codes, ...scored(metric, scale, bias, squares), squares };
}

function queryOfSigns({ dimensions }: Coding, x: ArrayLike<number>, length: number): Query {
  const codes = new Uint8Array(length);
  for (let d = 0; d < dimensions; d++) if ((x[d] as number) > 0) (codes[d >> 3] as number) |= 0x80 >> (d & 7);
  return { codes, factor: 1, bias: 0, squares: dimensions };
}

/** The kernels look for the largest value: of Euclidean distances, |q|^2 less the square. */
function scored(metric: Metric, factor: number, bias: number, squares: number): Pick<Query, "factor" | "bias"> {
  if (metric === "dot") return { factor, bias };
  if (metric === "euclid") return { factor: 2 * factor, bias: 2 * bias };
  const length = Math.sqrt(squares);
  return { factor: factor / length, bias: bias / length };
}

/** The score of a value that the kernels found. */
export function scoreOf({ dimensions, precision }: Coding, metric: Metric, value: number, squares: number): number {
  if (precision !== "binary") return metric === "euclid" ? Math.sqrt(Math.max(0, squares - value)) : value;
  // Each bit that differs is a distance of 2.
  return metric === "euclid" ? Math.sqrt(2 * (dimensions - value)) : metric === "dot" ? value : value / dimensions;
}

/** The score of two vectors as they are, in float64 from the first dimension on. */
export function exactScore(metric: Metric, a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, squaresA, squaresB, distance] = [0, 0, 0, 0];
  for (let d = 0; d < a.length; d++) {
    const [x, y] = [a[d] as number, b[d] as number];
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
    distance += (x - y) * (x - y);
  }
  if (metric === "dot") return dot;
  return metric === "euclid" ? Math.sqrt(distance) : dot / Math.sqrt(squaresA * squaresB) || 0; // 0 for zeros
}
