import type { Metric } from "./types.js";

/** The k vectors nearest to each query, in float64 over the float vectors: nearest first, ties by place. */
export function nearest(
  vectors: Float32Array,
  queries: Float32Array,
  dimensions: number,
  metric: Metric,
  k: number,
): Uint32Array<ArrayBuffer>[] {
  const squares = squaresOf(vectors, dimensions);
  const found: Uint32Array<ArrayBuffer>[] = [];
  for (let from = 0; from < queries.length; from += dimensions) {
    found.push(nearestTo(vectors, squares, queries.subarray(from, from + dimensions), metric, k));
  }
  return found;
}

function squaresOf(vectors: Float32Array, dimensions: number): Float64Array {
  const squares = new Float64Array(vectors.length / dimensions);
  for (let v = 0; v < squares.length; v++) {
    const row = vectors.subarray(v * dimensions, (v + 1) * dimensions);
    squares[v] = dot(row, row, 0);
  }
  return squares;
}

function nearestTo(vectors: Float32Array, squares: Float64Array, query: Float32Array, metric: Metric, k: number) {
  const places = new Uint32Array(k);
  const scores = new Float64Array(k);
  let count = 0;
  for (let v = 0; v < squares.length; v++) {
    const product = dot(query, vectors, v * query.length);
    const square = squares[v] as number;
    const score =
      metric === "dot" ? product : metric === "cosine" ? product / Math.sqrt(square || 1) : 2 * product - square;
    if (count === k && score <= (scores[k - 1] as number)) continue;
    if (count < k) count++;
    // It goes after all equally good ones, which came before.
    let at = count - 1;
    for (; at > 0 && (scores[at - 1] as number) < score; at--) {
      scores[at] = scores[at - 1] as number;
      places[at] = places[at - 1] as number;
    }
    scores[at] = score;
    places[at] = v;
  }
  return places;
}

/** Four sums are used, so that an addition need not wait for the one before it. */
function dot(a: Float32Array, b: Float32Array, from: number): number {
  const whole = a.length & ~3;
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let d = 0; d < whole; d += 4) {
    s0 += (a[d] as number) * (b[from + d] as number);
    s1 += (a[d + 1] as number) * (b[from + d + 1] as number);
    s2 += (a[d + 2] as number) * (b[from + d + 2] as number);
    s3 += (a[d + 3] as number) * (b[from + d + 3] as number);
  }
  for (let d = whole; d < a.length; d++) s0 += (a[d] as number) * (b[from + d] as number);
  return s0 + s1 + (s2 + s3);
}
