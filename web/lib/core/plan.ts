import type { Granularity } from "./types.js";

/**
 * How a tensor is laid out for the kernels: `pieces` of outer x channels x inner one after another, row-major. The scale of
 * a channel is at piece * channels + channel.
 */
export interface Layout {
  readonly pieces: number;
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export interface Plan extends Layout {
  readonly scaleShape: number[];
}

/** @param axis the channel axis, counted from 0; used with granularity "channel". */
export function makePlan(shape: readonly number[], axis: number | undefined, granularity: Granularity): Plan {
  if (granularity === "tensor") return merged(1, 1, 1, product(shape, 0), []);
  if (granularity === "channel") {
    const channelAxis = axis as number;
    const channels = shape[channelAxis] as number;
    return merged(1, product(shape, 0, channelAxis), channels, product(shape, channelAxis + 1), [channels]);
  }
  // `group` neighbours along a dimension, for each place in the dimensions after it, form the columns of a piece.
  const { group, along } = granularity;
  const inner = product(shape, along + 1);
  const scaleShape = shape.map((dimension, i) => (i === along ? dimension / group : dimension));
  return merged(product(shape, 0) / (group * inner), group, inner, 1, scaleShape);
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

/** The product of the dimensions from `first` to before `end`. */
function product(shape: readonly number[], first: number, end = shape.length): number {
  let result = 1;
  for (let i = first; i < end; i++) result *= shape[i] as number;
  return result;
}

/**
 * Sizes of panels and blocks. They are a tensor's own: whoever works on some of its panels or blocks keeps them, since
 * the error figures are summed by block and panel.
 */
export interface Cut {
  readonly panelChannels: number;
  readonly blockRows: number;
  readonly blockInner: number;
}

/** A layout, or some of one, with the sizes of its panels and blocks. */
export type Part = Layout & Cut;

/** Cuts panels of equal width, with as many channels as fit a block, and blocks of as many of a panel's rows as fit. */
export function cutPlan({ pieces, outer, channels, inner }: Layout, blockElements: number, channelLimit: number): Part {
  const most = Math.min(channelLimit, Math.max(1, Math.floor(blockElements / inner)));
  const panelChannels = Math.ceil(channels / Math.ceil(channels / most));
  const blockInner = Math.min(inner, blockElements);
  const blockRows = Math.min(outer, Math.floor(blockElements / (panelChannels * blockInner)));
  return { pieces, outer, channels, inner, panelChannels, blockRows, blockInner };
}

/** Some whole channels of a piece, few enough for their state to be held at a time. */
export interface Panel {
  /** Place of its first scale. */
  readonly scale: number;
  readonly channels: number;
  /** Its weights. If they are one block, everything is done while it is staged; if they are more, they pass twice. */
  readonly blocks: readonly Block[];
}

/** Some of the weights of all channels of a panel, few enough to be staged. */
export interface Block {
  /** Its first row, counted through all pieces, and how many there are. */
  readonly row: number;
  readonly outer: number;
  /** Where it begins in each row. */
  readonly column: number;
  readonly channels: number;
  readonly inner: number;
}

/** The panels of a part in the order of the scales. */
export function* panelsOf(part: Part): Generator<Panel> {
  const { pieces, outer, channels, inner, panelChannels, blockRows, blockInner } = part;
  for (let piece = 0; piece < pieces; piece++) {
    for (let first = 0; first < channels; first += panelChannels) {
      const width = Math.min(panelChannels, channels - first);
      const blocks: Block[] = [];
      for (let o = 0; o < outer; o += blockRows) {
        for (let i = 0; i < inner; i += blockInner) {
          blocks.push({
            row: piece * outer + o,
            outer: Math.min(blockRows, outer - o),
            column: first * inner + i,
            channels: width,
            inner: Math.min(blockInner, inner - i),
          });
        }
      }
      yield { scale: piece * channels + first, channels: width, blocks };
    }
  }
}
