import { failAt, nameOf, type Row } from "./rows.js";

const COLUMN = /^\[,\d+\]$/;
const ROW = /^\[\d+,\]$/;
const PLACE = /^\[\d+\]$/;
/** MATLAB's and Octave's heads of blocks, with nothing else in their line. */
const COLUMNS = /^Columns? \d+(?: (?:through|thru|to|and) \d+)?:?$/;

/**
 * Joins the rows that R, MATLAB and Octave print: numbered in brackets, with wide matrices in blocks of columns, one
 * below the other. Returns undefined for other text.
 */
export function joinPrinted(rows: readonly Row[]): Row[] | undefined {
  const isVector = PLACE.test(rows[0].cells[0]) && rows[0].cells.length > 1;
  const isNumbered = rows.length > 1 && ROW.test(rows[1].cells[0]);
  const isHead = ({ cells }: Row) =>
    isVector || (isNumbered ? !ROW.test(cells[0]) : COLUMN.test(cells[0]) || COLUMNS.test(cells.join(" ")));
  if (!isHead(rows[0])) return undefined;

  const starts = rows.flatMap((row, i) => (isHead(row) ? [i] : []));
  const blocks = starts.map((start, i) => rows.slice(start, starts[i + 1]));
  const [first] = blocks;
  const joined = first.map((row): Row => ({ ...row, cells: [] }));
  for (const block of blocks) {
    if (block.length !== first.length) {
      const lengths = `has ${block.length - 1} rows, and the first one ${first.length - 1}`;
      failAt(block[0], `The block of columns at ${nameOf(rows, rows.indexOf(block[0]))} ${lengths}.`);
    }
    for (const [i, { cells }] of block.entries()) {
      // Rows may have names too, which every block repeats.
      const isLabelled =
        isVector || (i > 0 && (isNumbered || (block !== first && cells.length > block[0].cells.length)));
      for (const cell of isLabelled ? cells.slice(1) : cells) joined[i].cells.push(cell);
    }
  }
  return isVector || (isNumbered && !COLUMN.test(rows[0].cells[0])) ? joined : joined.slice(1);
}
