import type { ByteSource } from "../../io/bytes.js";
import { bytesPerElement, type Dtype, elementsOf } from "../../tensor/dtypes.js";
import { placesOf, readColumns, transpose } from "./transpose.js";

// Data whose first index runs fastest (Fortran's order) is a row of columns, each with all indices of the first dimension.
// It is put into rows a band of the first dimension at a time.

/** Memory of a band. */
export const BAND_BYTES = 2 ** 28;
/** The most that a row can take, which is then a band. */
export const ROW_LIMIT_BYTES = 2 ** 29;
/** Memory of what is read at a time. */
const SLAB_BYTES = 2 ** 22;
/** A column of no more bytes is read whole, with its neighbours: a read of its own takes as long. */
const SHORT_COLUMN_BYTES = 2 ** 14;

/**
 * The data in rows, for one who reads it once, in order. Short columns are read from the source once for each band.
 *
 * @param shape of at least two dimensions that are not 1
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
  const bandRows = Math.min(rows, Math.max(1, Math.floor(bandBytes / rowBytes)));
  const isShort = rows * unit <= SHORT_COLUMN_BYTES;

  async function readBand(first: number): Promise<Uint8Array<ArrayBuffer>> {
    const count = Math.min(bandRows, rows - first);
    const band = new Uint8Array(count * rowBytes);
    // How many rows of each column are read: all, or those of the band.
    const read = isShort ? rows : count;
    const most = Math.max(1, Math.floor(SLAB_BYTES / (read * unit)));
    let spare: ArrayBuffer | undefined;
    for (let column = 0; column < columns; column += most) {
      const some = Math.min(most, columns - column);
      const stretch = { column, columns: some, row: isShort ? 0 : first, rows: read };
      const slab = await readColumns({ data, rows, unit }, stretch, spare);
      const columnPlaces = inner.length === 1 ? column : placesOf(inner, column, some);
      const slabPlaces = { stride: read, first: isShort ? first : 0 };
      transpose(slab, { unit, rows: count, columns: some, ...slabPlaces, rowPlaces: columns, columnPlaces }, band);
      spare = slab.buffer;
    }
    return band;
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
