import { checkInteger, checkNames } from "../core/arguments.js";
import { MOST_DIMENSIONS } from "./kernels.js";
import { countVectors, nonFiniteError } from "./vectors.js";

/** {@link Embeddings.truncate} */
export function truncate(vectors: Float32Array, dimensions: { from: number; to: number }): Float32Array<ArrayBuffer> {
  checkNames("dimensions", dimensions, ["from", "to"]);
  const from = checkInteger("dimensions.from", dimensions.from, 1, MOST_DIMENSIONS);
  const to = checkInteger("dimensions.to", dimensions.to, 1, from);
  const count = countVectors("vectors", vectors, from);
  const kept = new Float32Array(count * to);
  for (let v = 0; v < count; v++) {
    const part = vectors.subarray(v * from, v * from + to);
    let squares = 0;
    for (const x of part) squares += x * x;
    if (!Number.isFinite(squares)) throw nonFiniteError("vectors", vectors, from, v * from);
    if (squares === 0) {
      throw new RangeError(`vector ${v} is 0 in its first ${to} dimensions: it has no direction`);
    }
    const length = Math.sqrt(squares);
    for (let d = 0; d < to; d++) kept[v * to + d] = (part[d] as number) / length;
  }
  return kept;
}
