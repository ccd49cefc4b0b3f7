import type { Part } from "../core/memory/cut.js";

/** The part of a tensor that is read and processed at once: `count` rows of `width` elements, `stride` apart. */
export interface Chunk {
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
  readonly width: number;
  /** The panels or blocks for an engine: whole panels, or whole blocks of the panels of a region. */
  readonly part: Part;
}

/**
 * Whole panels of a tensor. A region of one chunk passes once; chunks of a larger one pass twice, for ranges and for
 * codes.
 */
export interface Region {
  /** The index of its first scale. */
  readonly scale: number;
  readonly part: Part;
  /** All weights before this index belong to earlier regions. */
  readonly start: number;
  readonly chunks: () => Iterable<Chunk>;
  readonly whole: boolean;
}

/** A chunk has a few MB, so that several fit into memory, and far more than a block. */
const defaultChunkElements = 2 ** 20;

/**
 * The number of weights to read at a time. Where channels are columns, a chunk has all columns of a block's rows,
 * because reading rows in strips takes many times as long.
 *
 * @param asked the number asked for, if any; it is raised to a block, the least that can be processed alone
 */
export function chunkElementsFor(tensor: Part, asked?: number): number {
  const { outer, channels, inner, panelChannels, blockRows, blockInner } = tensor;
  const band = outer > 1 ? blockRows * channels * inner : 0;
  const fitting = Math.max(defaultChunkElements, Math.min(4 * defaultChunkElements, band));
  return Math.max(asked ?? fitting, panelChannels * blockRows * blockInner);
}

/**
 * The regions of a tensor in the order of the scales.
 * @param chunkElements the most elements of a chunk, at least a block
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
      yield { scale: piece * channels + first, part, start: offset, chunks, whole };
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
