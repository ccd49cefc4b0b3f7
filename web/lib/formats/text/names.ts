import { looksNumeric, quote } from "./numbers.js";
import { nameOf, type Row } from "./rows.js";

/** The names around the numbers of a table. */
export interface Names {
  /** Whether the first row names the columns. */
  readonly header: boolean;
  /** Whether the first column names the rows. */
  readonly named: boolean;
}

/** Tells names from numbers. Text that looks like a number is a name only where its neighbours leave no doubt. */
export function findNames(rows: readonly Row[]): Names {
  const [{ cells: top }, ...below] = rows;
  if (below.length === 0) return { header: false, named: top.length > 1 && isName(top[0]) };
  const width = below[0].cells.length;
  const areMostlyNames = (some: readonly Row[]) =>
    width > 1 && 2 * some.filter(({ cells }) => isName(cells[0])).length > some.length;
  const named = areMostlyNames(below);
  const isCounted = below.every(({ cells }, i) => cells[0] === String(i + (below[0].cells[0] === "1" ? 1 : 0)));

  // R omits the corner above the names of rows, pandas leaves it empty, and both may number rows and columns.
  const cornerMissing = top.length === width - 1;
  const labels = cornerMissing ? top : top.slice(1);
  if (width > 1 && (cornerMissing || (top.length === width && top[0] === ""))) {
    const areWhole = below.every(({ cells }) => isWhole(cells[0])) && (!cornerMissing || haveDecimals(below, 1));
    const areLabels = isRange(labels) || (named && isCount(labels)) || labels.every(isName);
    if (areLabels && (named || isCounted || areWhole)) return { header: true, named: true };
  }
  if (top.every((cell) => cell === "" || isName(cell))) return { header: true, named };
  // pandas numbers the columns of a frame without names, and writes all its floats with decimals. A single 0 behind a
  // name may as well be the first number of named rows.
  const areNumbered = labels.length > 1 && named && haveDecimals(below, 1);
  if (isName(top[0]) && isRange(labels) && (isCounted || areNumbered)) {
    return { header: true, named: true };
  }
  if (isRange(top) && top.length > 1 && haveDecimals(below, 0)) return { header: true, named: false };
  return { header: false, named: areMostlyNames(rows) };
}

/** Notes on what was decided and what may have been meant otherwise, in sentences. */
export function notesOnNames(rows: readonly Row[], { header, named }: Names): string[] {
  const notes: string[] = [];
  const body = header ? rows.slice(1) : rows;
  const [first, second] = body.map(({ cells }) => cells[0]);
  const labels = rows[0].cells.slice(named ? 1 : 0);
  const line = sentence(nameOf(rows, 0));
  if (header) notes.push(`${line} names the columns (${few(rows[0].cells)}).`);
  else if (
    rows.length > 1 &&
    (labels.length > 1 || (named && haveDecimals(rows.slice(1), 1))) &&
    (isRange(labels) || areYears(labels) || (isCount(labels) && haveDecimals(rows.slice(1), named ? 1 : 0)))
  ) {
    notes.push(`${line} (${few(labels)}) was read as numbers; take it out if it only counts.`);
  }
  if (named) {
    const numeric = body.find(({ cells }) => looksNumeric(cells[0]) && !isWhole(first));
    const also = numeric === undefined ? "" : `; line ${numeric.line} has ${quote(numeric.cells[0], 20)} there`;
    notes.push(`Column 1 names the rows (${few(body.map(({ cells }) => cells[0]))}${also}).`);
  } else if (
    /^[01]$/.test(first) &&
    Number(second) === Number(first) + 1 &&
    labels.length > 1 &&
    haveDecimals(body, 1)
  ) {
    if (body.every(({ cells }) => isWhole(cells[0])))
      notes.push("Column 1 was read as numbers; take it out if it only counts.");
  }
  return notes;
}

function isName(cell: string): boolean {
  return cell !== "" && !looksNumeric(cell);
}

function isWhole(cell: string): boolean {
  return /^\d{1,9}$/.test(cell);
}

/** Whether cells are 0, 1, 2 and so on, as pandas numbers columns without names. */
function isRange(cells: readonly string[]): boolean {
  return cells.every((cell, i) => cell === String(i));
}

/** Whether cells are increasing integers. */
function isCount(cells: readonly string[]): boolean {
  return cells.every((cell, i) => isWhole(cell) && (i === 0 || Number(cell) > Number(cells[i - 1])));
}

/** Whether cells are years that follow each other. */
function areYears(cells: readonly string[]): boolean {
  return cells.every((cell, i) => /^(19|20)\d\d$/.test(cell) && (i === 0 || Number(cell) === Number(cells[i - 1]) + 1));
}

/** Whether every number from a column on is written with decimals or an exponent. */
function haveDecimals(rows: readonly Row[], column: number): boolean {
  return rows.every(({ cells }) => cells.slice(column).every((cell) => /[.,eE]/.test(cell)));
}

function few(names: readonly string[]): string {
  const [shown, rest] = [names.slice(0, 4).filter((name) => name !== ""), names.length > 4 ? " …" : ""];
  return `${shown.map((name) => quote(name, 20).slice(1, -1)).join(", ")}${rest}`;
}

/** The text with a capital first letter. */
export function sentence(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
