import { kindOf } from "../core/arguments.js";
import { bytesOfCodes, type Coding } from "./coding.js";
import { rowDecoder } from "./decode.js";
import { newEncoder } from "./encode.js";
import type { Kernels } from "./kernels.js";
import type { Memory } from "./memory.js";
import type { Rows } from "./rows.js";
import type { CodedVectors } from "./types.js";

// Fills the rows of an index. The index gets nothing before its places are taken, which happens when everything is
// done.

/** The places of vectors: the i-th goes to place i. */
interface Target {
  readonly rows: Rows;
  readonly memory: Memory;
  readonly coding: Coding;
  readonly places: Uint32Array;
}

/** Encodes vectors into rows. */
export function fillWithVectors(
  kernels: Kernels,
  vectors: Float32Array,
  { rows, memory, coding, places }: Target,
): void {
  const encoder = newEncoder(kernels, coding);
  for (const { from, count, row } of runs(places, rows, encoder.most)) {
    encoder.run(vectors, from, count, rows.addressOf("codes", row));
    const scales = memory.floats(kernels.scales(), count);
    setScores(rows, row, memory.doubles(kernels.squares(), count), scales, from);
  }
}

/** Copies existing codes into rows. */
export function fillWithCodes(coded: CodedVectors, { rows, memory, coding, places }: Target): void {
  const bytes = bytesOfCodes(coding);
  const isBinary = coded.precision === "binary";
  // Bytes of bits are signed in sentence-transformers, but not in an index.
  const flip = isBinary && kindOf(coded.codes) === "Int8Array" ? 0x80 : 0;
  // What follows the last bit of a row is 0, whatever it was.
  const unused = isBinary ? -coding.dimensions & 7 : 0;
  const decode = rowDecoder({ ...coding, isSigned: false });
  const values = new Float64Array(coding.dimensions);
  const codes = new Uint8Array(coded.codes.buffer, coded.codes.byteOffset, coded.codes.length);
  for (const { from, count, row } of runs(places, rows, rows.perSegment)) {
    const squares = new Float64Array(count);
    const scales = coded.scales?.subarray(from, from + count);
    for (let i = 0; i < count; i++) {
      const given = codes.subarray((from + i) * bytes, (from + i + 1) * bytes);
      const kept = memory.bytes(rows.addressOf("codes", row + i), rows.stride).fill(0);
      kept.set(given.map((byte) => byte ^ flip));
      (kept[bytes - 1] as number) &= -1 << unused;
      decode(given, scales?.[i], values);
      // The kernels form the sum in the same way: see cpp/embeddings/rows.h.
      squares[i] = values.reduce((sum, value) => sum + value * value, 0);
    }
    setScores(rows, row, squares, scales, from);
  }
}

function setScores(
  rows: Rows,
  row: number,
  squares: Float64Array,
  scales: Float32Array | undefined,
  from: number,
): void {
  const wrong = rows.setScores(row, squares, scales);
  if (wrong === -1) return;
  const reason =
    squares[wrong] === 0
      ? "is zero as codes and has no direction, which a cosine needs"
      : "has a length that float32 does not hold: scale all vectors";
  throw new RangeError(`vector ${from + wrong} ${reason}`);
}

/** Runs of neighbours in one segment, of at most `most` places. */
function* runs(places: Uint32Array, rows: Rows, most: number): Generator<{ from: number; count: number; row: number }> {
  for (let from = 0; from < places.length; ) {
    const row = places[from] as number;
    const room = Math.min(most, rows.leftInSegment(row), places.length - from);
    let count = 1;
    while (count < room && places[from + count] === row + count) count++;
    yield { from, count, row };
    from += count;
  }
}
