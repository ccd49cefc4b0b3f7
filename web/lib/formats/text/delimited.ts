import { kindOfRow, MARK, PassedOver } from "./comments.js";
import { matrixOf } from "./matrix-of-rows.js";
import { numberIn, plainNumber, quote } from "./numbers.js";
import { joinPrinted } from "./printed.js";
import { type Row, splitRows } from "./rows.js";
import { TextError } from "./text-error.js";
import type { TextMatrix } from "./text-matrix.js";

/** How the text is cut into rows and cells. */
interface Separation {
  readonly name: string;
  /** The characters that separate cells; box drawings have several bars. */
  readonly separators: string;
  /** A cell and what ends it; see splitRows. */
  readonly cell: RegExp;
  /** Characters that are not part of a cell. They are blanked, so that places in the text stay the same. */
  readonly ignored?: RegExp;
}

const separations: readonly Separation[] = [
  byCharacter("separated by tabs", "\t"),
  { ...byCharacter("a table with |", "|│┃║"), ignored: /\*\*|`|^[ \t]*[|│┃║]|[|│┃║][ \t]*$/gm },
  byCharacter("separated by semicolons", ";"),
  byCharacter("separated by commas", ","),
  bySpaces("separated by spaces", ""),
  // For "1, 2; 3, 4".
  { ...bySpaces("rows ended by semicolons", ";"), ignored: /,(?=\s)/g },
];
const [tabs, , , , spaces] = separations;

function byCharacter(name: string, separators: string): Separation {
  return { name, separators, cell: new RegExp(`([^${separators}\\r\\n]*)(?:([${separators}])|\\r\\n?|\\n|$)`, "y") };
}

function bySpaces(name: string, rowEnd: string): Separation {
  const other = `[^ \\t\\r\\n${rowEnd}]`;
  const end = `(?:([ \\t]+)(?=${other})|[ \\t]*(?:\\r\\n?|[\\n${rowEnd}]|$))`;
  return { name, separators: " ", cell: new RegExp(`([ \\t]*${other}*)${end}`, "y") };
}

/** The number of characters from which the separation is guessed. */
const SAMPLE = 2 ** 16;

/**
 * Reads rows of numbers separated by tabs, bars, semicolons, commas or spaces. Names above and before the numbers are
 * kept apart. Blank lines, comments, rules of tables and separators at the ends of rows are passed over.
 *
 * @param from the place where the rows begin.
 * @param notes notes on the text before them.
 */
export function parseDelimited(text: string, from: number, notes: readonly string[]): TextMatrix {
  const { separation, width } = separationOf(text.slice(from, from + SAMPLE));
  const [separator] = separation.separators;
  const comments = new PassedOver();
  const rows: Row[] = [];
  let commentLine = 0;
  for (const row of rowsIn(text, from, separation)) {
    if (row.line === commentLine) continue; // after a semicolon in a comment
    const kind = kindOfRow(row.cells, rows, width, separator);
    if (kind === "header") row.cells[0] = row.cells[0].replace(MARK, "").trim();
    if (kind === "row" || kind === "header") rows.push(row);
    if (kind !== "comment") continue;
    commentLine = row.line;
    comments.add(row.cells.join(separator), () => row.line);
  }
  const found = [...notes, ...comments.notes(), ...dropEmpty(rows)];
  const [size, second] = rows.slice(0, 2).map(({ cells }) => cells);
  // word2vec and fastText begin with the size of the embeddings.
  if (second && second.length !== 2 && size.join() === `${rows.length - 1},${second.length - 1}`) {
    found.push(`Line ${rows[0].line} gives the size, ${size.join(" × ")}, and was passed over.`);
    rows.shift();
  }
  if (separator !== " ") dropTrailingSeparators(rows);
  const printed = separator === " " && rows.length > 0 ? joinPrinted(rows) : undefined;
  if ((printed ?? rows).length === 0) {
    throw new TextError("There are no numbers here.", { line: 1, range: [0, text.length] });
  }
  for (const note of perhapsOneNumber(rows, separator)) found.push(note);
  return printed
    ? matrixOf(printed, "as R and MATLAB print", " ", found)
    : matrixOf(rows, separation.name, separator, found);
}

/** The separation in which most cells of the first lines are numbers, and the number of cells in such lines. */
function separationOf(sample: string): { separation: Separation; width: number } {
  const candidates = separations.filter(
    (separation) => separation === spaces || [...separation.separators].some((separator) => sample.includes(separator)),
  );
  let best = { separation: spaces, width: 0, numbers: -1 };
  const isOfR = /^\s*\[(?:,1\]|1,?\])/.test(sample);
  for (const separation of isOfR ? [spaces] : candidates) {
    let [width, most, numbers] = [0, 0, 0];
    for (const { cells } of rowsIn(sample, 0, separation)) {
      const count = MARK.test(cells[0]) ? 0 : cells.filter((cell) => isNumber(cell, separation.separators)).length;
      if (count > most) [width, most] = [cells.length, count];
      numbers += count;
    }
    if (numbers > best.numbers) best = { separation, width, numbers };
    // Tabs are rarely used for anything else.
    if (separation === tabs && numbers > 0) break;
  }
  return best;
}

/** Whether a cell is a number without a character that may be the separator. */
function isNumber(cell: string, separators: string): boolean {
  if (/[ ,]/.test(separators)) return !Number.isNaN(plainNumber(cell));
  return !Number.isNaN(numberIn(cell)) || !Number.isNaN(numberIn(cell, true));
}

function rowsIn(text: string, from: number, { cell, ignored, separators }: Separation): Row[] {
  const left = ignored === undefined ? text : text.replace(ignored, (all) => " ".repeat(all.length));
  return splitRows(left, from, cell, separators[0]);
}

/** Drops rows of empty cells, as spreadsheets write them. Gives a note on them. */
function dropEmpty(rows: Row[]): string[] {
  const isEmpty = ({ cells }: Row) => cells.every((cell) => cell === "");
  const dropped = rows.filter(isEmpty);
  if (dropped.length === 0) return [];
  const left = rows.filter((row) => !isEmpty(row));
  rows.length = 0;
  for (const row of left) rows.push(row);
  const lines = dropped.map(({ line }) => line);
  const which = lines.length > 3 ? `${lines.slice(0, 3).join(", ")} and ${lines.length - 3} more` : lines.join(", ");
  return [`Empty cells were passed over: line ${which}.`];
}

/** Drops the empty cells that separators at the ends of all rows make. The header's line often lacks its separator. */
function dropTrailingSeparators(rows: readonly Row[]): void {
  const trailing = ({ cells }: Row) => cells.length > 1 && cells[cells.length - 1] === "";
  if (!rows.slice(rows.length > 1 ? 1 : 0).every(trailing)) return;
  for (const row of rows) if (trailing(row)) row.cells.pop();
}

/** Notes on rows that may be meant as one number ("1,234" and "1 234"), or that have decimal commas ("0,5, 1,25"). */
function perhapsOneNumber(rows: readonly Row[], separator: string): string[] {
  const pattern =
    separator === "," ? /^[+-]?\d{1,3},(?:\d+|\d{3}\.\d*)$/ : /^[+-]?[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d*)?$/;
  const [{ cells, text, start }] = rows;
  const first = cells.slice(0, 9).join(separator);
  const areAlike = rows.every((row) => row.cells.length < 9 && pattern.test(row.cells.join(separator)));
  if (areAlike && text.startsWith(first, start)) return [`${quote(first)} was read as ${cells.length} numbers.`];
  const pair = separator === "," ? /\d{1,9},\d{1,9}(?=, )/.exec(text.slice(start, start + SAMPLE)) : null;
  return pair ? [`${quote(pair[0])} was read as 2 numbers.`] : [];
}
