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

/** The rows of an index in the memory of its kernels: codes, and the numbers that scores need. */
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
    while (this.#segments.length * this.perSegment < rows) {
      const segment = { codes: 0, scales: 0, factors: 0, offsets: 0 };
      for (const column of columns) {
        const bytes = this.bytes[column] * this.perSegment;
        if (bytes > 0) segment[column] = this.#memory.allocate(bytes);
      }
      this.#segments.push(segment);
    }
  }

  /** The segments of the first `rows` rows, with the number of these in each. */
  *segmentsOf(rows: number): Generator<{ segment: Segment; first: number; count: number }> {
    for (let first = 0; first < rows; first += this.perSegment) {
      const segment = this.#segments[first / this.perSegment] as Segment;
      yield { segment, first, count: Math.min(this.perSegment, rows - first) };
    }
  }

  /** The address of a row in a column; 0 if there is no such column. */
  addressOf(column: Column, row: number): number {
    const segment = this.#segments[Math.floor(row / this.perSegment)] as Segment;
    const start = segment[column];
    return start === 0 ? 0 : start + (row % this.perSegment) * this.bytes[column];
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
