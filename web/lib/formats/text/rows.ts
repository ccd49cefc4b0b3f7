import { TextError } from "./text-error.js";

/** A row of cells, in the order of the text. */
export interface Row {
  readonly cells: string[];
  readonly text: string;
  /** The place where it begins, and its line, counted from 1. */
  readonly start: number;
  readonly line: number;
}

/**
 * Cuts the text into rows of cells. Blank lines are left out.
 *
 * @param cell a sticky expression for a cell and what ends it. It captures the cell, and the separator unless a row
 * ends.
 */
export function splitRows(text: string, from: number, cell: RegExp, separator: string): Row[] {
  const rows: Row[] = [];
  let cells: string[] = [];
  let [line, rowStart, first] = [lineOf(text, from), from, from];
  cell.lastIndex = from;
  while (cell.lastIndex < text.length || cells.length > 0) {
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
    if (cells.length === 0) first = start;
    cells.push(content);
    if (separated !== undefined) continue;
    if (cells.length > 1 || cells[0] !== "") {
      // A copy does not keep the room that the array grew by.
      rows.push({ cells: cells.slice(), text, start: first, line: line + lineOf(text.slice(rowStart, first)) - 1 });
    }
    line += lineOf(text.slice(rowStart, cell.lastIndex)) - 1;
    rowStart = cell.lastIndex;
    cells = [];
  }
  return rows;
}

/**
 * The place after the quotes that begin at `start`; inside them, quotes are written twice. Returns `start` for quotes
 * that are ordinary characters, as among the words of embeddings: otherwise all rows between two of them would vanish.
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

/** The name of a row in messages: its line, and its number where a line has several rows. */
export function nameOf(rows: readonly Row[], row: number): string {
  return rows.length > 1 && rows[0].line === rows[rows.length - 1].line ? `row ${row + 1}` : `line ${rows[row].line}`;
}

/** @throws {TextError} for a row, or for one of its cells. */
export function failAt({ cells, text, start, line }: Row, message: string, cell?: number): never {
  const isWhole = cell === undefined || cells[cell] === "";
  let [first, end] = [start, start];
  for (const content of isWhole ? cells : cells.slice(0, cell + 1)) {
    first = text.indexOf(content, end);
    if (first === -1) break; // the text was written differently, such as quotes in quotes
    end = first + content.length;
  }
  const from = isWhole || first === -1 ? start : first;
  throw new TextError(message, { line, column: cell === undefined ? cell : cell + 1, range: [from, end - from] });
}
