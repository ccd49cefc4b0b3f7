import type { Granularity } from "../types.js";

/**
 * A tensor as the kernels see it: `pieces` of outer x channels x inner elements one after another, row-major. The scale
 * of a channel is at piece * channels + channel.
 */
export interface Extents {
  readonly pieces: number;
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** The extents of a whole tensor, and the shape of its scales. */
export interface TensorExtents extends Extents {
  readonly scaleShape: number[];
}

/** @param axis the channel axis, counted from 0; used with granularity "channel". */
export function extentsOf(shape: readonly number[], axis: number | undefined, granularity: Granularity): TensorExtents {
  if (granularity === "tensor") return merged(1, 1, 1, product(shape, 0), []);
  if (granularity === "channel") {
    const channelAxis = axis as number;
    const channels = shape[channelAxis] as number;
    return merged(1, product(shape, 0, channelAxis), channels, product(shape, channelAxis + 1), [channels]);
  }
  // `group` neighbours along a dimension, for each index of the dimensions after it, form the columns of a piece.
  const { group, along } = granularity;
  const inner = product(shape, along + 1);
  const scaleShape = shape.map((dimension, i) => (i === along ? dimension / group : dimension));
  return merged(product(shape, 0) / (group * inner), group, inner, 1, scaleShape);
}

/** Joins contiguous elements: those of a piece with one channel, and the channels of pieces with one row. */
function merged(pieces: number, outer: number, channels: number, inner: number, scaleShape: number[]): TensorExtents {
  if (channels === 1) {
    inner *= outer;
    outer = 1;
  }
  if (outer === 1) {
    channels *= pieces;
    pieces = 1;
  }
  return { pieces, outer, channels, inner, scaleShape };
}

/** The product of the dimensions from `first` to before `end`. */
function product(shape: readonly number[], first: number, end = shape.length): number {
  let result = 1;
  for (let i = first; i < end; i++) result *= shape[i] as number;
  return result;
}
