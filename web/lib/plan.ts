import type { Granularity } from "./types.js";

/**
 * How a tensor is laid out for the kernels: `pieces` of outer x channels x inner one after another, row-major. Scale
 * piece * channels + channel belongs to each.
 */
export interface Plan {
  readonly pieces: number;
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
  readonly scaleShape: number[];
}

/** @param axis the channel axis, counted from 0; used with granularity "channel". */
export function makePlan(shape: readonly number[], axis: number | undefined, granularity: Granularity): Plan {
  if (granularity === "tensor") return merged(1, 1, 1, product(shape), []);
  if (granularity === "channel") {
    const channelAxis = axis as number;
    const channels = shape[channelAxis] as number;
    return merged(1, product(shape.slice(0, channelAxis)), channels, product(shape.slice(channelAxis + 1)), [channels]);
  }
  // `group` neighbours along a dimension, for each place in the dimensions after it, form the columns of a piece.
  const { group, along } = granularity;
  const inner = product(shape.slice(along + 1));
  const scaleShape = shape.map((dimension, i) => (i === along ? dimension / group : dimension));
  return merged(product(shape) / (group * inner), group, inner, 1, scaleShape);
}

/** Joins what is contiguous: the elements of a piece with one channel, and the channels of pieces with one row. */
function merged(pieces: number, outer: number, channels: number, inner: number, scaleShape: number[]): Plan {
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

function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}

/** Some whole channels of a piece, few enough for their state to be held at a time. */
export interface Panel {
  /** Place of its first scale. */
  readonly scale: number;
  readonly channels: number;
  /** Its weights. In one block, everything is done while it is staged; in more, they pass twice. */
  readonly blocks: readonly Block[];
}

/** Some of a panel's weights, few enough to be staged. */
export interface Block {
  /** Rows of channels * inner elements, `stride` elements apart in the tensor from `offset` on, joined in staging. */
  readonly outer: number;
  readonly offset: number;
  readonly stride: number;
  /** The first channel's place in the panel. */
  readonly first: number;
  readonly channels: number;
  readonly inner: number;
}

/** The panels of a plan in the order of the scales. */
export function* panelsOf(plan: Plan, blockElements: number, channelLimit: number): Generator<Panel> {
  const { pieces, outer, channels, inner } = plan;
  // As many channels as fit a block, if they are contiguous. Otherwise rows are kept long: gathering short parts of many
  // rows costs more than a second pass.
  const fitting = outer === 1 ? Math.max(1, Math.floor(blockElements / inner)) : channels;
  const perPanel = Math.min(channelLimit, fitting);
  for (let piece = 0; piece < pieces; piece++) {
    for (let first = 0; first < channels; first += perPanel) {
      const panelChannels = Math.min(perPanel, channels - first);
      const offset = (piece * outer * channels + first) * inner;
      const blocks = blocksOf(
        { outer, offset, stride: channels * inner, first: 0, channels: panelChannels, inner },
        blockElements,
      );
      yield { scale: piece * channels + first, channels: panelChannels, blocks };
    }
  }
}

/** Cuts a block that may be too large, along the first of outer, channels and inner that gives parts small enough. */
function blocksOf(whole: Block, blockElements: number): Block[] {
  const { outer, offset, stride, channels, inner } = whole;
  const row = channels * inner;
  if (row <= blockElements) {
    return cut(outer, Math.floor(blockElements / row), (o, count) => ({
      ...whole,
      offset: offset + o * stride,
      outer: count,
    }));
  }
  const rows = cut(outer, 1, (o) => offset + o * stride);
  if (inner <= blockElements) {
    return rows.flatMap((rowOffset) =>
      cut(channels, Math.floor(blockElements / inner), (first, count) => ({
        ...whole,
        offset: rowOffset + first * inner,
        outer: 1,
        first,
        channels: count,
      })),
    );
  }
  return rows.flatMap((rowOffset) =>
    cut(channels, 1, (first) =>
      cut(inner, blockElements, (i, count) => ({
        ...whole,
        offset: rowOffset + first * inner + i,
        outer: 1,
        first,
        channels: 1,
        inner: count,
      })),
    ).flat(),
  );
}

function cut<R>(length: number, most: number, part: (start: number, count: number) => R): R[] {
  const parts: R[] = [];
  for (let start = 0; start < length; start += most) parts.push(part(start, Math.min(most, length - start)));
  return parts;
}
