import type { ByteSource } from "../../io/bytes.js";
import { lenderOf } from "../../io/lent-files.js";
import { readRowsAside } from "../../stream/file-rows.js";
import { elementsOf } from "../../tensor/dtypes.js";

// Data whose first index runs fastest (Fortran's order), as columns one after the other, and its elements in rows.

/** A source of columns one after the other, of so many rows. */
export interface ColumnSource {
  readonly data: ByteSource;
  readonly rows: number;
  /** Bytes of an element. */
  readonly unit: number;
}

/** Some rows of some columns. */
export interface Patch {
  readonly column: number;
  readonly columns: number;
  readonly row: number;
  readonly rows: number;
}

/**
 * Reads some rows of some columns, one column after the other.
 *
 * @param spare memory that nobody uses any more, which is read into where it has the right size
 */
export async function readColumns(
  { data, rows, unit }: ColumnSource,
  { column, columns: some, row: first, rows: count }: Patch,
  spare?: ArrayBuffer,
): Promise<Uint8Array<ArrayBuffer>> {
  const byteLength = some * count * unit;
  const memory = spare?.byteLength === byteLength ? spare : undefined;
  if (count === rows) return data.read(column * rows * unit, byteLength, memory);
  const slab = new Uint8Array(memory ?? new ArrayBuffer(byteLength));
  const lend = lenderOf(data);
  if (lend) {
    const offset = (column * rows + first) * unit;
    await lend(({ position, ...file }) =>
      readRowsAside(
        { ...file, position: position + offset, count: some, width: count * unit, stride: rows * unit },
        slab,
      ),
    );
    return slab;
  }
  const reads = Array.from({ length: some }, async (_, c) => {
    slab.set(await data.read(((column + c) * rows + first) * unit, count * unit), c * count * unit);
  });
  await Promise.all(reads);
  return slab;
}

/** What `transpose` takes its elements from, and where it puts them. */
export interface Turning {
  /** Bytes of an element. */
  readonly unit: number;
  readonly rows: number;
  readonly columns: number;
  /** Elements of a column in the slab, and which of them is that of the first row. */
  readonly stride: number;
  readonly first: number;
  /** Where rows begin, in elements: as many apart, or each at its place. */
  readonly rowPlaces: number | Float64Array;
  /** Where columns lie in a row: beside each other from one place on, or each at its place. */
  readonly columnPlaces: number | Float64Array;
}

/** Puts columns into rows. */
export function transpose(
  slab: Uint8Array<ArrayBuffer>,
  { unit, rows, columns, stride, first, rowPlaces, columnPlaces }: Turning,
  turned: Uint8Array<ArrayBuffer>,
): void {
  const Elements = { 1: Int8Array, 2: Int16Array, 4: Int32Array, 8: BigInt64Array }[unit] as typeof Int32Array;
  const from = new Elements(slab.buffer);
  const to = new Elements(turned.buffer);
  let row = 0;
  if (typeof rowPlaces === "number" && typeof columnPlaces === "number") {
    for (; row + 8 <= rows; row += 8) {
      turnEight(from, first + row, stride, columns, to, row * rowPlaces + columnPlaces, rowPlaces);
    }
  }
  for (; row < rows; row++) {
    const start = typeof rowPlaces === "number" ? row * rowPlaces : rowPlaces[row];
    if (typeof columnPlaces === "number") turnOne(from, first + row, stride, columns, to, start + columnPlaces);
    else scatterOne(from, first + row, stride, to, start, columnPlaces);
  }
}

/** Eight rows at a time take half as long: each line of the cache is read once, and each column found once. */
function turnEight(
  from: Int32Array,
  start: number,
  stride: number,
  columns: number,
  to: Int32Array,
  place: number,
  pitch: number,
): void {
  const b = pitch;
  const c = b + pitch;
  const d = c + pitch;
  const e = d + pitch;
  const f = e + pitch;
  const g = f + pitch;
  const h = g + pitch;
  for (let a = place, at = start; a < place + columns; a++, at += stride) {
    to[a] = from[at];
    to[a + b] = from[at + 1];
    to[a + c] = from[at + 2];
    to[a + d] = from[at + 3];
    to[a + e] = from[at + 4];
    to[a + f] = from[at + 5];
    to[a + g] = from[at + 6];
    to[a + h] = from[at + 7];
  }
}

function turnOne(from: Int32Array, start: number, stride: number, columns: number, to: Int32Array, place: number) {
  for (let c = 0, at = start; c < columns; c++, at += stride) to[place + c] = from[at];
}

function scatterOne(
  from: Int32Array,
  start: number,
  stride: number,
  to: Int32Array,
  rowStart: number,
  places: Float64Array,
): void {
  for (let c = 0, at = start; c < places.length; c++, at += stride) to[rowStart + places[c]] = from[at];
}

/** Where indices from one on, of which the first runs fastest, lie where the last one does. */
export function placesOf(shape: readonly number[], from: number, some: number): Float64Array {
  const strides = shape.map((_, i) => elementsOf(shape.slice(i + 1)));
  return Float64Array.from({ length: some }, (_, c) => {
    let rest = from + c;
    return shape.reduce((place, dimension, i) => {
      const index = rest % dimension;
      rest = (rest - index) / dimension;
      return place + index * strides[i];
    }, 0);
  });
}
