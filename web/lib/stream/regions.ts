import type { Part } from "../core/cut.js";

/** Some of a tensor that is read and worked on at a time: `count` rows of `width` elements, `stride` apart. */
export interface Chunk {
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
  readonly width: number;
  /** What an engine works on: whole panels, or whole blocks of the panels of a region. */
  readonly part: Part;
}

/** Whole panels of a tensor. If they are one chunk, it passes once; if more, each passes twice, for ranges and for codes. */
export interface Region {
  /** Place of its first scale. */
  readonly scale: number;
  readonly part: Part;
  /** All weights before this place are of earlier regions. */
  readonly start: number;
  readonly chunks: () => Iterable<Chunk>;
  readonly whole: boolean;
}

/** A chunk is a few MB, so that several fit the memory, and far more than a block. */
const defaultChunkElements = 2 ** 20;

/**
 * How many weights to read at a time. Where channels are columns, it is all columns of a block's rows, because reading rows
 * in strips takes many times as long.
 *
 * @param asked how many, where that is said: not fewer than a block, which is the least that can be worked on by itself
 */
export function chunkElementsFor(tensor: Part, asked?: number): number {
  const { outer, channels, inner, panelChannels, blockRows, blockInner } = tensor;
  const band = outer > 1 ? blockRows * channels * inner : 0;
  const fitting = Math.max(defaultChunkElements, Math.min(4 * defaultChunkElements, band));
  return Math.max(asked ?? fitting, panelChannels * blockRows * blockInner);
}

/**
 * The regions of a tensor in the order of the scales.
 * @param chunkElements the most that a chunk has; not less than a block
 */
export function* regionsOf(tensor: Part, chunkElements: number): Generator<Region> {
  const { pieces, outer, channels, inner, panelChannels, blockRows } = tensor;
  const stride = channels * inner;
  const piecesAtOnce = Math.floor(chunkElements / (outer * stride));
  if (piecesAtOnce > 0) {
    for (let piece = 0; piece < pieces; piece += piecesAtOnce) {
      const part = { ...tensor, pieces: Math.min(piecesAtOnce, pieces - piece) };
      const offset = piece * outer * stride;
      const chunk = { offset, stride, count: part.pieces * outer, width: stride, part };
      yield { scale: piece * channels, part, start: offset, chunks: () => [chunk], whole: true };
    }
    return;
  }
  // A strip has as many channels as leave room for all rows of a block.
  const fitting = Math.floor(chunkElements / (blockRows * panelChannels * inner)) * panelChannels;
  const strip = Math.max(panelChannels, fitting);
  for (let piece = 0; piece < pieces; piece++) {
    const pieceOffset = piece * outer * stride;
    for (let first = 0; first < channels; first += strip) {
      const part = { ...tensor, pieces: 1, channels: Math.min(strip, channels - first) };
      const offset = pieceOffset + first * inner;
      const width = part.channels * inner;
      const whole = outer * width <= chunkElements;
      const chunks = whole
        ? () => [{ offset, stride, count: outer, width, part }]
        : () => chunksOf(part, offset, stride, chunkElements);
      yield { scale: piece * channels + first, part, start: outer > 1 ? pieceOffset : offset, chunks, whole };
    }
  }
}

/** Cuts a strip of channels between blocks. */
function* chunksOf(strip: Part, offset: number, stride: number, chunkElements: number): Generator<Chunk> {
  const { outer, channels, inner, blockRows, blockInner } = strip;
  const width = channels * inner;
  const rows = Math.floor(chunkElements / (width * blockRows)) * blockRows;
  if (rows > 0) {
    for (let o = 0; o < outer; o += rows) {
      const count = Math.min(rows, outer - o);
      yield { offset: offset + o * stride, stride, count, width, part: { ...strip, outer: count } };
    }
    return;
  }
  // There is one channel, and its rows are too long.
  const length = Math.floor(chunkElements / blockInner) * blockInner;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i += length) {
      const some = Math.min(length, inner - i);
      const part = { ...strip, outer: 1, inner: some };
      yield { offset: offset + o * stride + i, stride: some, count: 1, width: some, part };
    }
  }
}
