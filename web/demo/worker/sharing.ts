import { product } from "../matrix.js";
import type { Settings } from "../protocol.js";

/** Elements that share a scale: `runs` runs of `length` neighbours, `stride` apart. */
export interface Sharing {
  /** The index of the scale. */
  readonly scale: number;
  readonly start: number;
  readonly runs: number;
  readonly length: number;
  readonly stride: number;
}

/** The scale of an element, and all elements that share it. */
export function sharingOf(index: number, { granularity, axis, group, along }: Settings, shape: readonly number[]) {
  if (granularity === "tensor") return { scale: 0, start: 0, runs: 1, length: product(shape), stride: 0 };
  const dimension = granularity === "channel" ? axis : along;
  const length = shape[dimension];
  const inner = product(shape.slice(dimension + 1));
  const place = Math.floor(index / inner) % length;
  if (granularity === "channel") {
    const outer = product(shape.slice(0, dimension));
    return { scale: place, start: place * inner, runs: outer, length: inner, stride: length * inner };
  }
  const outer = Math.floor(index / (inner * length));
  const [first, within] = [place - (place % group), index % inner];
  const scale = (outer * (length / group) + first / group) * inner + within;
  return { scale, start: (outer * length + first) * inner + within, runs: group, length: 1, stride: inner };
}

/** The least and the largest element, or 0 where all are beyond it. */
export function rangeOf(
  values: Float32Array | Float64Array,
  { start, runs, length, stride }: Sharing,
): [least: number, most: number] {
  let [least, most] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const first = start + run * stride;
    for (let i = first; i < first + length; i++) {
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
  }
  return [least, most];
}

/** The element of the largest magnitude; the first of equals. */
export function largestOf(values: Float32Array | Float64Array, { start, runs, length, stride }: Sharing): number {
  let largest = start;
  for (let run = 0; run < runs; run++) {
    const first = start + run * stride;
    for (let i = first; i < first + length; i++) {
      if (Math.abs(values[i]) > Math.abs(values[largest])) largest = i;
    }
  }
  return largest;
}
