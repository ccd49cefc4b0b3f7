import type { ByteSource } from "../../io/bytes.js";
import { bytesPerElement, type Dtype, elementsOf } from "../../tensor/dtypes.js";

// Data whose first index runs fastest (Fortran's order) is a row of columns, each with all indices of the first dimension.
// It is put into rows a band of the first dimension at a time.

/** Memory of a band. */
export const BAND_BYTES = 2 ** 29;
/** Memory of what is read at a time. */
const SLAB_BYTES = 2 ** 25;
/** A column of no more bytes is read whole, with its neighbours: a read of its own takes as long. */
const SHORT_COLUMN_BYTES = 2 ** 14;
/** Elements that lie beside each other in the band: a line of the cache of four bytes each. */
const TILE = 16;

/**
 * The data in rows, for one who reads it once, in order. Short columns are read from the source once for each band.
 *
 * @param shape of at least two dimensions that are not 1
 * @param bandBytes at least the bytes of a row
 */
export function inRows(
  data: ByteSource,
  dtype: Dtype,
  shape: readonly number[],
  bandBytes: number = BAND_BYTES,
): ByteSource {
  const unit = bytesPerElement(dtype);
  const [rows, ...inner] = shape;
  const columns = elementsOf(inner);
  const rowBytes = columns * unit;
  const bandRows = Math.min(rows, Math.floor(bandBytes / rowBytes));
  const isShort = rows * unit <= SHORT_COLUMN_BYTES;

  async function readBand(first: number): Promise<Uint8Array<ArrayBuffer>> {
    const count = Math.min(bandRows, rows - first);
    const band = new Uint8Array(count * rowBytes);
    // Of each column, all rows or those of the band.
    const read = isShort ? rows : count;
    const most = Math.max(1, Math.floor(SLAB_BYTES / (read * unit)));
    for (let column = 0; column < columns; column += most) {
      const some = Math.min(most, columns - column);
      const slab = await readColumns(column, some, first, read);
      const place = inner.length === 1 ? column : placesOf(inner, column, some);
      const from = { unit, columns: some, stride: read, first: isShort ? first : 0, place };
      transpose(slab, from, band, { count, columns });
    }
    return band;
  }

  async function readColumns(column: number, some: number, first: number, read: number) {
    if (read === rows) return data.read(column * rows * unit, some * rows * unit);
    const slab = new Uint8Array(some * read * unit);
    for (let c = 0; c < some; c++) {
      slab.set(await data.read(((column + c) * rows + first) * unit, read * unit), c * read * unit);
    }
    return slab;
  }

  let held: { first: number; band: Promise<Uint8Array<ArrayBuffer>> } | undefined;
  return {
    ...data,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let at = offset; at < offset + length; ) {
        const first = Math.floor(at / (bandRows * rowBytes)) * bandRows;
        if (held?.first !== first) held = { first, band: readBand(first) };
        const start = first * rowBytes;
        const part = (await held.band).subarray(at - start, offset + length - start);
        bytes.set(part, at - offset);
        at += part.length;
        if (at === data.size) held = undefined; // read once, in order, is the rule
      }
      return bytes;
    },
  };
}

/** Where columns from one on, whose first index runs fastest, lie in a row, whose last one does. */
function placesOf(inner: readonly number[], column: number, some: number): Float64Array {
  const strides = inner.map((_, i) => elementsOf(inner.slice(i + 1)));
  return Float64Array.from({ length: some }, (_, c) => {
    let rest = column + c;
    return inner.reduce((place, dimension, i) => {
      const index = rest % dimension;
      rest = (rest - index) / dimension;
      return place + index * strides[i];
    }, 0);
  });
}

interface Slab {
  /** Bytes of an element. */
  readonly unit: number;
  /** Elements of a column in it. */
  readonly stride: number;
  /** The row with which the band begins. */
  readonly first: number;
  readonly columns: number;
  /** That of its first column in a row, whose neighbours lie beside it, or those of all of them. */
  readonly place: number | Float64Array;
}

function transpose(
  slab: Uint8Array<ArrayBuffer>,
  { unit, columns: some, stride, first, place }: Slab,
  band: Uint8Array<ArrayBuffer>,
  { count, columns }: { readonly count: number; readonly columns: number },
): void {
  const Elements = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[unit] as typeof Uint32Array;
  const from = new Elements(slab.buffer);
  const to = new Elements(band.buffer);
  for (let tile = 0; tile < some; tile += TILE) {
    const end = Math.min(tile + TILE, some);
    for (let row = 0; row < count; row++) {
      const start = first + row;
      const rowStart = row * columns;
      if (typeof place === "number") {
        for (let c = tile; c < end; c++) to[rowStart + place + c] = from[c * stride + start];
      } else {
        for (let c = tile; c < end; c++) to[rowStart + place[c]] = from[c * stride + start];
      }
    }
  }
}
