import { looksNumeric, numberIn, whyNoWeight } from "./cells.js";
import type { TextMatrix } from "./parse-matrix.js";
import { TextError } from "./text-error.js";

/** How the text is cut into rows and cells. */
interface Layout {
  name: string;
  separator: ";" | "\t" | "," | "spaces";
  decimalComma: boolean;
  /** Rows end at semicolons as well as at line ends: "1 2; 3 4". */
  semicolonsEndRows: boolean;
}

interface Row {
  cells: string[];
  /** Counted from 1. */
  line: number;
}

/**
 * Reads rows of numbers separated by tabs, semicolons, commas or spaces. Names above and before the numbers are kept
 * apart; blank lines, lines that start with # and separators at the ends of rows are passed over.
 */
export function parseDelimited(text: string): TextMatrix {
  const layout = findLayout(text);
  const rows = splitRows(text, layout);
  if (rows.length === 0) throw new TextError("There are no numbers here.", { line: 1, range: [0, text.length] });
  dropTrailingSeparators(rows);

  const { header, named, body } = findNames(rows, layout.decimalComma);
  const first = body[0];
  const columns = first.cells.length - (named ? 1 : 0);
  const columnNames = header?.cells.slice(header.cells.length > columns && named ? 1 : 0);
  if (header !== undefined && columnNames?.length !== columns) {
    const message = `Line ${header.line} names ${columnNames?.length} columns, and line ${first.line} has ${columns} numbers.`;
    throw new TextError(message, { line: header.line, range: rangeOfLine(text, header.line) });
  }

  const values = new Float64Array(body.length * columns);
  let count = 0;
  for (const [index, { cells, line }] of body.entries()) {
    if (cells.length !== first.cells.length) {
      const row = layout.semicolonsEndRows ? `Row ${index + 1}` : `Line ${line}`;
      const other = layout.semicolonsEndRows ? "row 1" : `line ${first.line}`;
      const message = `${row} has ${cells.length} cells and ${other} has ${first.cells.length}; rows must be of one length.`;
      throw new TextError(message, { line, range: rangeOfLine(text, line) });
    }
    for (let i = named ? 1 : 0; i < cells.length; i++) {
      const value = numberIn(cells[i], layout.decimalComma);
      if (!Number.isFinite(value)) {
        const row = layout.semicolonsEndRows ? `, row ${index + 1}` : "";
        const message = `Line ${line}${row}, column ${i + 1}: ${whyNoWeight(cells[i], layout.decimalComma)}.`;
        throw new TextError(message, { line, column: i + 1, range: rangeOfCell(text, line, cells[i]) });
      }
      values[count++] = value;
    }
  }
  return {
    values,
    shape: [body.length, columns],
    layout: layout.name,
    ...(named ? { rowNames: body.map(({ cells }) => cells[0]) } : {}),
    ...(columnNames === undefined ? {} : { columnNames }),
  };
}

function findLayout(text: string): Layout {
  const unquoted = text.slice(0, 2 ** 16).replace(/"[^"]*"/g, "");
  const separated = { decimalComma: false, semicolonsEndRows: false };
  if (unquoted.includes(";")) {
    // Where spaces part the numbers between semicolons, these end rows, as in MATLAB.
    return /\d[^\S\r\n]*,?[^\S\r\n]+[-+.\d]/.test(unquoted)
      ? { ...separated, name: "rows ended by semicolons", separator: "spaces", semicolonsEndRows: true }
      : { ...separated, name: "separated by semicolons", separator: ";", decimalComma: true };
  }
  if (/\S *\t/.test(unquoted)) return { ...separated, name: "separated by tabs", separator: "\t" };
  if (unquoted.includes(",")) return { ...separated, name: "separated by commas", separator: "," };
  return { ...separated, name: "separated by spaces", separator: "spaces" };
}

function splitRows(text: string, { separator, semicolonsEndRows }: Layout): Row[] {
  const rows: Row[] = [];
  let line = 1;
  if (separator === "spaces") {
    for (const content of text.split(/\r\n|\r|\n/)) {
      for (const row of semicolonsEndRows ? content.split(";") : [content]) {
        const cells = row.trim().split(semicolonsEndRows ? /\s*,\s*|\s+/ : /\s+/);
        rows.push({ cells, line });
      }
      line++;
    }
  } else {
    for (const cells of separatedRows(text, separator)) {
      rows.push({ cells: cells.map((cell) => cell.trim()), line });
      line += cells.reduce((lines, cell) => lines + cell.split(/\r\n|\r|\n/).length - 1, 1); // quoted line ends
    }
  }
  return rows.filter(({ cells }) => !cells[0].startsWith("#") && cells.some((cell) => cell !== ""));
}

/** Cells may be in quotes, and then hold separators, line ends and quotes, each quote written twice. */
function separatedRows(text: string, separator: string): string[][] {
  const cell = new RegExp(`(?:"([^"]*(?:""[^"]*)*)"?)?([^${separator}\\r\\n]*)(${separator}|\\r\\n|\\r|\\n|$)`, "y");
  const rows: string[][] = [];
  let cells: string[] = [];
  while (cell.lastIndex < text.length) {
    const [, quoted, plain, end] = cell.exec(text) as RegExpExecArray;
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"') + plain);
    if (end === separator) {
      if (cell.lastIndex === text.length) cells.push("");
      else continue;
    }
    rows.push(cells);
    cells = [];
  }
  return rows;
}

function dropTrailingSeparators(rows: Row[]) {
  const trailing = ({ cells }: Row) => cells.length > 1 && cells.at(-1) === "";
  // A header's line often lacks the separator that ends all others.
  if (!rows.slice(rows.length > 1 ? 1 : 0).every(trailing)) return;
  for (const row of rows) {
    if (trailing(row)) row.cells.pop();
  }
}

/** Tells names of columns and rows from numbers. */
function findNames(rows: Row[], decimalComma: boolean): { header?: Row; named: boolean; body: Row[] } {
  const isName = (cell: string) => !looksNumeric(cell, decimalComma);
  const [top, second] = rows;
  const [corner, ...names] = top.cells;
  const numbered = names.every((cell, i) => cell === String(i)); // as pandas names columns without names
  const emptyCorner =
    second !== undefined &&
    names.length > 0 &&
    corner === "" &&
    second.cells[0] !== "" &&
    (numbered || names.every(isName));
  const hasHeader = emptyCorner || (second !== undefined && top.cells.every(isName));
  const body = hasHeader ? rows.slice(1) : rows;

  const width = body[0].cells.length;
  const namesFirst = body.filter(({ cells }) => cells[0] !== "" && isName(cells[0])).length;
  // R leaves the corner out, pandas leaves it empty, and both may number the rows; otherwise most rows must begin with a name.
  const cornerMissing = hasHeader && top.cells.length === width - 1;
  const named = width > 1 && (emptyCorner || cornerMissing || 2 * namesFirst > body.length);
  return { ...(hasHeader ? { header: top } : {}), named, body };
}

function rangeOfLine(text: string, line: number): [start: number, length: number] {
  const ends = /\r\n|\r|\n|$/g;
  let start = 0;
  for (let passed = 1; passed < line; passed++) {
    ends.exec(text);
    start = ends.lastIndex;
  }
  const end = ends.exec(text)?.index ?? text.length;
  return [start, end - start];
}

function rangeOfCell(text: string, line: number, cell: string): [start: number, length: number] {
  const [start, length] = rangeOfLine(text, line);
  const at = text.indexOf(cell, start);
  return cell === "" || at === -1 || at >= start + length ? [start, length] : [at, cell.length];
}
