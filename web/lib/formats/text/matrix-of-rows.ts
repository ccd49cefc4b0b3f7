import { findNames, notesOnNames, sentence } from "./names.js";
import { isLeftOut, numberIn, quote, whyNoWeight } from "./numbers.js";
import { failAt, nameOf, type Row } from "./rows.js";
import type { TextMatrix } from "./text-matrix.js";

/**
 * The numbers of a table, and the names around them.
 *
 * @param layout how they were written, in words.
 * @param notes the notes so far, in sentences.
 * @throws {TextError} for cells that are not numbers, and rows of different lengths.
 */
export function matrixOf(
  rows: readonly Row[],
  layout: string,
  separator: string,
  notes: readonly string[],
): TextMatrix {
  const names = findNames(rows);
  const [header, body] = names.header ? [rows[0], rows.slice(1)] : [undefined, rows];
  const before = names.named ? 1 : 0;
  const width = body[0].cells.length;
  const columns = width - before;
  const columnNames = header?.cells.slice(header.cells.length > columns ? before : 0);
  if (header !== undefined && columnNames?.length !== columns) {
    const gap = rows.findIndex(({ cells }) => cells.length > 1 && cells.slice(1).every(isLeftOut));
    if (gap >= 0)
      failAt(rows[gap], `${sentence(nameOf(rows, gap))} stands for rows that were left out; all must be there.`);
    const named = `${sentence(nameOf(rows, 0))} names ${columnNames?.length} columns`;
    failAt(header, `${named}, and ${nameOf(rows, 1)} has ${columns} numbers.`);
  }

  const decimalComma = hasDecimalCommas(body, before, separator);
  const values = new Float64Array(body.length * columns);
  const examples = new Map<string, string>();
  const percentages: boolean[] = [];
  const marks = decimalComma ? /[%/,.'’\s]/ : /[%/,'’\s]/;
  const fail = (i: number, column: number, reason: string) =>
    failAt(body[i], `${placeIn(body, i, column)}: ${reason}.`, column);
  let count = 0;
  for (const [i, row] of body.entries()) {
    if (row.cells.length !== width) {
      const lengths = `has ${row.cells.length} cells and ${nameOf(body, 0)} has ${width}`;
      failAt(row, `${sentence(nameOf(body, i))} ${lengths}; rows must be of one length.`);
    }
    for (let column = before; column < width; column++) {
      const cell = row.cells[column];
      const value = numberIn(cell, decimalComma);
      if (!Number.isFinite(value)) fail(i, column, whyNoWeight(cell, decimalComma));
      values[count++] = value;
      if (separator === "," && column > before && /^0\d/.test(cell)) {
        fail(
          i,
          column,
          `${quote(cell)} begins with 0; if a comma belongs to its number, separate numbers by tabs or semicolons`,
        );
      }
      const mark = marks.exec(cell)?.[0];
      if (mark !== undefined && !examples.has(mark)) examples.set(mark, `${quote(cell)} was read as ${value}.`);
      if (value === 0) continue;
      percentages[column] ??= cell.endsWith("%");
      if (percentages[column] !== cell.endsWith("%")) {
        fail(i, column, `${quote(cell)} stands in a column where only some numbers are percentages`);
      }
    }
  }
  return {
    values,
    shape: [body.length, columns],
    layout,
    notes: [...notes, ...notesOnNames(rows, names), ...examples.values()],
    ...(names.named ? { rowNames: body.map(({ cells }) => cells[0]) } : {}),
    ...(columnNames === undefined ? {} : { columnNames }),
  };
}

function placeIn(rows: readonly Row[], row: number, column: number): string {
  const name = nameOf(rows, row);
  return `Line ${rows[row].line}${name.startsWith("row") ? `, ${name}` : ""}, column ${column + 1}`;
}

/**
 * Whether commas are decimal and points separate thousands, decided by the numbers that can be read in one way only.
 *
 * @throws {TextError} where numbers are written in both ways, and where the way cannot be decided, as for "1,234".
 * Between semicolons, commas are decimal.
 */
function hasDecimalCommas(rows: readonly Row[], before: number, separator: string): boolean {
  /** Finds the first cell that fulfils a condition. */
  const find = (isIt: (cell: string) => boolean) => {
    for (const [row, { cells }] of rows.entries()) {
      for (let column = before; column < cells.length; column++) if (isIt(cells[column])) return { row, column };
    }
    return undefined;
  };
  const isRead = (cell: string, decimalComma: boolean) => !Number.isNaN(numberIn(cell, decimalComma));
  const withComma = find((cell) => cell.includes(",") && isRead(cell, true));
  if (withComma === undefined) return false;
  const comma = find((cell) => isRead(cell, true) && !isRead(cell, false));
  const point = find((cell) => !isRead(cell, true) && isRead(cell, false));
  const fail = ({ row, column }: { row: number; column: number }, reason: string) =>
    failAt(rows[row], `${placeIn(rows, row, column)}: ${quote(rows[row].cells[column])} ${reason}.`, column);
  if (comma && point)
    return fail(point, `and ${quote(rows[comma.row].cells[comma.column])} are not written in one way`);
  if (comma || point) return comma !== undefined;
  return (
    separator === ";" || fail(withComma, "may have decimals or thousands; write it with a decimal point and no comma")
  );
}
