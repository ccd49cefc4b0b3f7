import { kindOf } from "../core/arguments.js";
import type { Coding } from "./coding.js";
import { decode, takeCoded } from "./decode.js";
import { newQuery, type Query } from "./query.js";
import type { CodedVectors, Metric } from "./types.js";
import { countVectors, nonFiniteError } from "./vectors.js";

/** A query in its given form and in that of the kernels. */
export interface Asked {
  readonly vector: Float32Array;
  readonly query: Query;
}

/**
 * Makes a query. Codes are decoded first.
 *
 * @param length the length of the codes of a query
 */
export function ask(
  name: string,
  given: Float32Array | CodedVectors,
  coding: Coding,
  metric: Metric,
  length: number,
): Asked[] {
  const { dimensions } = coding;
  const queries = isCoded(given) ? decode(takeSameCoding(name, given, coding)) : given;
  return Array.from({ length: countVectors(name, queries, dimensions) }, (_, i) => {
    const vector = queries.subarray(i * dimensions, (i + 1) * dimensions);
    if (!vector.every(Number.isFinite)) throw nonFiniteError(name, queries, dimensions, i * dimensions);
    if (metric === "cosine" && vector.every((x) => x === 0)) {
      throw new RangeError(`${name}: vector ${i} is zero and has no direction, which a cosine needs`);
    }
    return { vector, query: newQuery(coding, metric, vector, length) };
  });
}

/** Whether these are codes. If not, it is still to be checked that they are vectors. */
export function isCoded(given: unknown): given is CodedVectors {
  return kindOf(given) === "an object";
}

/** Returns codes, and throws unless they were made like those of the index. */
export function takeSameCoding(name: string, coded: CodedVectors, index: Coding): CodedVectors {
  const given = takeCoded(name, coded);
  for (const property of ["precision", "dimensions", "profile"] as const) {
    if (property === "profile" && index.precision === "binary") continue;
    if (given[property] !== index[property]) {
      throw new RangeError(`${name}.${property} is ${given[property]}, but that of the index is ${index[property]}`);
    }
  }
  const [own, expected] = [given.scaling, index.scaling].map((scaling) =>
    typeof scaling === "string" ? scaling : `ranges ${scaling.fingerprint}`,
  );
  if (own !== expected && index.precision !== "binary") {
    throw new RangeError(`${name}.scaling is ${own}, but that of the index is ${expected}: they are of another model`);
  }
  return coded;
}
