import { TextError } from "./text-error.js";

/** A row of cells, and where they stand in the text. */
export interface Row {
  readonly cells: string[];
  readonly starts: number[];
  /** In which it begins, counted from 1. */
  readonly line: number;
}

/**
 * Cuts the text into rows of cells. Those that are empty are left out.
 *
 * @param cell a sticky expression for a cell and what ends it, wherever it stands. It captures the cell, and the separator
 * where no row ends.
 */
export function splitRows(text: string, from: number, cell: RegExp, separator: string): Row[] {
  const rows: Row[] = [];
  let line = lineOf(text, from);
  let row: Row | undefined;
  let rowStart = from;
  cell.lastIndex = from;
  while (cell.lastIndex < text.length || row !== undefined) {
    const at = cell.lastIndex;
    const [, plain, plainEnd] = cell.exec(text) as unknown as [string, string, string | undefined];
    let [content, separated] = [plain.trim(), plainEnd];
    const start = at + plain.length - plain.trimStart().length;
    if (content.startsWith('"')) {
      const after = cell.lastIndex;
      const end = endOfQuotes(text, start, separator);
      cell.lastIndex = end + 1;
      const rest = cell.exec(text);
      if (end > start && rest?.[1].trim() === "") {
        content = text.slice(start + 1, end).replaceAll('""', '"');
        separated = rest[2];
      } else {
        cell.lastIndex = after;
      }
    }
    row ??= { cells: [], starts: [], line: line + lineOf(plain, start - at) - 1 };
    row.cells.push(content);
    row.starts.push(start);
    if (separated !== undefined) continue;
    if (row.cells.some((each) => each !== "")) rows.push(row);
    line += lineOf(text.slice(rowStart, cell.lastIndex)) - 1;
    rowStart = cell.lastIndex;
    row = undefined;
  }
  return rows;
}

/**
 * Where the quotes end that begin at `start`, with quotes written twice between; `start` where they are characters like
 * others: rows would vanish between two that stand in different ones, as among the words of embeddings.
 */
function endOfQuotes(text: string, start: number, separator: string): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  const content = text.slice(start + 1, Math.max(end, start + 1));
  const spansRows = /[\r\n]/.test(content) && (separator === " " || content.includes(separator));
  return spansRows || end === -1 ? start : end;
}

/** The line of a place in the text, counted from 1. Lines end with \r\n, \n or \r. */
export function lineOf(text: string, place = text.length): number {
  let line = 1;
  for (let at = 0; at < place; at++) {
    const code = text.charCodeAt(at);
    if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) line++;
  }
  return line;
}

/** A row as messages call it: where several stand in a line, by its number. */
export function nameOf(rows: readonly Row[], row: number): string {
  return rows.length > 1 && rows[0].line === rows[rows.length - 1].line ? `row ${row + 1}` : `line ${rows[row].line}`;
}

/** @throws {TextError} for a row, or a cell of it. */
export function failAt({ cells, starts, line }: Row, message: string, cell?: number): never {
  const whole = cell === undefined || cells[cell] === "";
  const [first, last] = whole ? [0, cells.length - 1] : [cell, cell];
  const end = starts[last] + cells[last].length;
  throw new TextError(message, {
    line,
    column: cell === undefined ? cell : cell + 1,
    range: [starts[first], end - starts[first]],
  });
}
