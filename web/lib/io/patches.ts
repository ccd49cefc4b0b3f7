/**
 * Rows that lie in a file in patches of so many rows and columns, each one after the other: a band of rows from left to right, then
 * the next band. The last ones may be smaller.
 */
export interface Patches {
  readonly rows: number;
  readonly patchRows: number;
  /** Bytes of a row, and of one in a patch. */
  readonly rowBytes: number;
  readonly patchRowBytes: number;
}

/** Where the byte of the rows lies that stands at `offset` in them, and how many lie together from there on. */
export function placeInPatches({ rows, patchRows, rowBytes, patchRowBytes }: Patches, offset: number) {
  if (patchRowBytes === rowBytes) return { position: offset, length: rows * rowBytes - offset };
  const column = offset % rowBytes;
  const row = (offset - column) / rowBytes;
  const inPatch = column % patchRowBytes;
  const left = column - inPatch;
  const rowInBand = row % patchRows;
  const top = row - rowInBand;
  const width = Math.min(patchRowBytes, rowBytes - left);
  const height = Math.min(patchRows, rows - top);
  return { position: top * rowBytes + left * height + rowInBand * width + inPatch, length: width - inPatch };
}
