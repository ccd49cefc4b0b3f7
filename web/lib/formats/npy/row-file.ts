import type { Arrange } from "../../io/arranged.js";
import type { ByteSource, FilePlace } from "../../io/bytes.js";
import { lentBy } from "../../io/lent-files.js";
import type { Patches } from "../../io/patches.js";
import { SpareMemory } from "../../io/spare-memory.js";
import { TemporaryFile } from "../../io/temporary-file.js";
import { readRows } from "../../stream/file-rows.js";
import type { TensorCourse } from "../../tensor/course.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import { type Patch, placesOf, readColumns, transpose } from "./transpose.js";

// Node puts an array in Fortran's order into rows once, in a temporary file: each byte is then read twice and written once,
// however short the columns are. Results are those of C order to the last bit, because whoever quantizes reads rows. They could
// not come from columns as they lie, since the errors of a block are added row by row. The file holds patches, of which each is
// written at once: in the place of its rows, each of them would be a write of its own, which takes ten times as long.

/** Less is put into rows in memory. */
const LEAST_BYTES = 2 ** 24;
/** Memory of a patch, of which there are two: more for larger arrays, whose rows are then read in longer stretches. */
const patchBytesFor = (byteLength: number) => Math.min(Math.max(2 ** 22, byteLength / 48), 2 ** 25);
/** Memory of what is read at a time; two are under way. */
const SLAB_BYTES = 2 ** 22;
/** Rows of a patch are not shorter, unless those of the array are: reading less takes as long. */
const LEAST_ROW_BYTES = 2 ** 10;

/**
 * What puts data in Fortran's order into rows, where that pays.
 *
 * @param leastBytes less is not put into a file
 */
export function inRowFile(
  tensor: ModelTensor,
  data: ByteSource,
  leastBytes: number = LEAST_BYTES,
): Arrange | undefined {
  const { dtype, shape, byteLength } = tensor;
  const cut = cutPatches(shape, bytesPerElement(dtype), patchBytesFor(byteLength));
  if (byteLength < leastBytes || cut === undefined) return undefined;
  return async (work, { signal, progress }) => {
    const file = await TemporaryFile.create(byteLength);
    if (file === undefined) return work(tensor, { signal, progress });
    try {
      await writeInRows(data, cut, (offset, some) => file.write(offset, some), {
        signal,
        progress: (share) => progress(share / 2),
      });
      const place: FilePlace = { ...file.place, patches: cut.patches };
      const read: ModelTensor["read"] = async (offset, length, spare) => {
        const bytes = new Uint8Array(spare ?? new ArrayBuffer(length));
        readRows({ ...place, position: offset, count: 1, width: length, stride: 0 }, bytes);
        return bytes;
      };
      const inOrder = lentBy({ ...tensor, read }, (use) => file.lend(() => use(place)));
      return await work(inOrder, { signal, progress: (share) => progress((1 + share) / 2) });
    } finally {
      await file.close();
    }
  };
}

/** How an array is cut into patches. */
export interface PatchCut {
  /** Bytes of an element. */
  readonly unit: number;
  /** The dimensions of the rows, which are all but the last: in the data the first of them runs fastest. None is 1. */
  readonly leading: readonly number[];
  readonly patches: Patches;
}

/** Cuts patches whose rows and columns are whole, or as long as each other. Nothing where their rows would be too short. */
export function cutPatches(shape: readonly number[], unit: number, patchBytes: number): PatchCut | undefined {
  const dimensions = shape.filter((dimension) => dimension !== 1);
  const leading = dimensions.slice(0, -1);
  const columns = dimensions[dimensions.length - 1] as number;
  const rows = elementsOf(leading);
  const most = Math.max(1, Math.floor(patchBytes / unit));
  // Rows of several dimensions lie in another order than in the data, which one patch of all of them puts right.
  const fitting = Math.max(1, Math.floor(Math.sqrt(most)), Math.floor(most / columns));
  const patchRows = leading.length > 1 ? rows : Math.min(rows, fitting);
  const patchColumns = Math.min(columns, Math.max(1, Math.floor(most / patchRows)));
  if (patchRows * unit > patchBytes) return undefined;
  if (patchColumns < columns && patchColumns * unit < Math.min(LEAST_ROW_BYTES, patchBytes / 4)) return undefined;
  return { unit, leading, patches: { rows, patchRows, rowBytes: columns * unit, patchRowBytes: patchColumns * unit } };
}

/** Puts data in Fortran's order into rows, patch by patch. */
export async function writeInRows(
  data: ByteSource,
  { unit, leading, patches: { rows, patchRows, rowBytes, patchRowBytes } }: PatchCut,
  write: (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  { signal, progress }: TensorCourse,
): Promise<void> {
  const columns = rowBytes / unit;
  const most = patchRowBytes / unit;
  const memories = new SpareMemory();
  const slabs = new SpareMemory();
  let offset = 0;
  let written = Promise.resolve();
  try {
    for (let row = 0; row < rows; row += patchRows) {
      for (let column = 0; column < columns; column += most) {
        const patch = {
          ...{ column, columns: Math.min(most, columns - column) },
          ...{ row, rows: Math.min(patchRows, rows - row) },
        };
        const byteLength = patch.columns * patch.rows * unit;
        const memory = memories.take(byteLength) ?? new ArrayBuffer(byteLength);
        await fill(new Uint8Array(memory), patch);
        await written;
        written = write(offset, new Uint8Array(memory)).then(() => memories.give(memory));
        written.catch(() => undefined); // it is awaited above, unless filling fails before
        offset += byteLength;
      }
    }
  } finally {
    await written;
  }

  async function fill(bytes: Uint8Array<ArrayBuffer>, patch: Patch): Promise<void> {
    const most = Math.max(1, Math.floor(SLAB_BYTES / (patch.rows * unit)));
    const read = (at: number) => {
      const some = Math.min(most, patch.columns - at);
      const stretch = { ...patch, column: patch.column + at, columns: some };
      return readColumns({ data, rows, unit }, stretch, slabs.take(some * patch.rows * unit));
    };
    const places = leading.length > 1 ? placesOf(leading, 0, rows) : undefined;
    const rowPlaces = places?.map((place) => place * patch.columns) ?? patch.columns;
    const slabPlaces = { stride: patch.rows, first: 0 };
    let next = read(0);
    try {
      for (let at = 0; at < patch.columns; at += most) {
        signal?.throwIfAborted();
        const slab = await next;
        if (at + most < patch.columns) next = read(at + most);
        const some = Math.min(most, patch.columns - at);
        const turn = { unit, rows: patch.rows, columns: some, ...slabPlaces, rowPlaces, columnPlaces: at };
        transpose(slab, turn, bytes);
        slabs.give(slab.buffer);
        progress((offset + (at + some) * patch.rows * unit) / (rowBytes * rows));
      }
    } finally {
      await Promise.allSettled([next]);
    }
  }
}
