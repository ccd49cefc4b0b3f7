import { type Coding, hasScales } from "./coding.js";
import { rowDecoder } from "./decode.js";
import { strideOf } from "./encode.js";
import type { Memory } from "./memory.js";
import type { Metric } from "./types.js";

/** The most bytes of codes, and the most rows, in a segment. */
const SEGMENT_BYTES = 1 << 20;
const [LEAST_ROWS, MOST_ROWS] = [64, 1 << 14];

/** The columns of a segment, in the order in which they are saved. */
export const columns = ["codes", "scales", "factors", "offsets"] as const;
export type Column = (typeof columns)[number];

/** The addresses of the columns; 0 where a column does not exist. */
export type Segment = Readonly<Record<Column, number>>;

/** The columns of a saved index, one after the other. */
export interface SavedColumns {
  readonly bytes: Uint8Array;
  readonly rows: number;
}

/**
 * The rows of an index: codes, and the numbers that scores need. They are in the memory of its kernels; or they stay in
 * a saved index, which others may read too, and are copied where the kernels see them when they are needed.
 */
export class Rows {
  readonly stride: number;
  /** The number of rows in a segment, a power of two. */
  readonly perSegment: number;
  /** The bytes of a row in each column. */
  readonly bytes: Readonly<Record<Column, number>>;
  readonly #segments: Segment[] = [];
  readonly #memory: Memory;
  readonly #metric: Metric;
  readonly #decode: ReturnType<typeof rowDecoder>;
  #saved: SavedColumns | undefined;

  constructor(memory: Memory, coding: Coding, metric: Metric) {
    this.#memory = memory;
    this.#metric = metric;
    this.#decode = rowDecoder({ ...coding, isSigned: false });
    this.stride = strideOf(coding);
    const fitting = 2 ** Math.floor(Math.log2(SEGMENT_BYTES / this.stride));
    this.perSegment = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, fitting));
    const isScored = coding.precision !== "binary";
    const hasOwnScale = hasScales(coding);
    this.bytes = {
      codes: this.stride,
      scales: hasOwnScale ? 4 : 0,
      factors: isScored && (metric === "cosine" || hasOwnScale) ? 4 : 0,
      offsets: isScored && metric === "euclid" ? 4 : 0,
    };
  }

  /** Makes room for `rows` rows. */
  reserve(rows: number): void {
    if (this.#saved) throw new TypeError("an index that was loaded with copy: false cannot grow");
    while (this.#segments.length * this.perSegment < rows) {
      const segment = { codes: 0, scales: 0, factors: 0, offsets: 0 };
      for (const column of columns) {
        const bytes = this.bytes[column] * this.perSegment;
        if (bytes > 0) segment[column] = this.#memory.allocate(bytes);
      }
      this.#segments.push(segment);
    }
  }

  /** Fills an empty index with the columns of a saved one, or, without a copy, leaves its rows there. */
  restore(saved: SavedColumns, copy: boolean): void {
    this.reserve(copy ? saved.rows : 1);
    if (!copy) this.#saved = saved;
    else for (const { segment, first, count } of this.segmentsOf(saved.rows)) this.#copy(saved, first, count, segment);
  }

  /** The segments of the first `rows` rows, with the number of these in each; each is valid until the next is taken. */
  *segmentsOf(rows: number): Generator<{ segment: Segment; first: number; count: number }> {
    for (let first = 0; first < rows; first += this.perSegment) {
      const count = Math.min(this.perSegment, rows - first);
      yield { segment: this.#segmentOf(first, count), first, count };
    }
  }

  /** The segment of a row. Of a saved index it begins with the row, and holds `count` rows until the next call. */
  #segmentOf(row: number, count: number): Segment {
    const segment = this.#segments[this.#saved ? 0 : Math.floor(row / this.perSegment)] as Segment;
    if (this.#saved) this.#copy(this.#saved, row, count, segment);
    return segment;
  }

  #copy({ bytes, rows }: SavedColumns, first: number, count: number, to: Segment): void {
    let at = bytes.byteOffset;
    for (const column of columns) {
      const size = this.bytes[column];
      // The constructor throws where the buffer has become too short, which subarray() does not.
      const from = new Uint8Array(bytes.buffer, at + first * size, count * size);
      if (size > 0) this.#memory.bytes(to[column], count * size).set(from);
      at += rows * size;
    }
  }

  /** The address of a row in a column; 0 if there is no such column. */
  addressOf(column: Column, row: number): number {
    const start = this.#segmentOf(row, 1)[column];
    return start === 0 || this.#saved ? start : start + (row % this.perSegment) * this.bytes[column];
  }

  /** The number of rows from `row` on in the same segment. */
  leftInSegment(row: number): number {
    return this.perSegment - (row % this.perSegment);
  }

  /** Decodes a row, in float64. */
  read(row: number, to: Float64Array | Float32Array): void {
    const codes = this.#memory.bytes(this.addressOf("codes", row), this.stride);
    const scale = this.bytes.scales > 0 ? this.#column("scales", row, 1)[0] : undefined;
    this.#decode(codes, scale, to);
  }

  /**
   * Sets the numbers for the scores of some rows of a segment, from the sums of squares of their decoded codes and from
   * their stored scales. Returns the first of which float32 does not hold them, such as a zero, which has no direction.
   */
  setScores(row: number, squares: Float64Array, scales: Float32Array | undefined): number {
    const { factors, offsets } = this.bytes;
    const count = squares.length;
    const own = this.bytes.scales > 0 ? scales : undefined;
    if (own) this.#column("scales", row, count).set(own);
    if (offsets > 0) this.#column("offsets", row, count).set(squares);
    const isHeld = (number: number) => number >= 2 ** -126 && number < 2 ** 128;
    let wrong = offsets > 0 ? squares.findIndex((square) => square !== 0 && !isHeld(square)) : -1;
    if (factors > 0) {
      const to = this.#column("factors", row, count);
      for (let i = 0; i < count; i++) {
        const scale = own?.[i] ?? 1;
        to[i] = this.#metric === "cosine" ? scale / Math.sqrt(squares[i] as number) : scale;
      }
      if (this.#metric === "cosine") wrong = to.findIndex((factor) => !isHeld(factor));
    }
    return wrong;
  }

  #column(column: Column, row: number, count: number): Float32Array<ArrayBuffer> {
    return this.#memory.floats(this.addressOf(column, row), count);
  }
}
