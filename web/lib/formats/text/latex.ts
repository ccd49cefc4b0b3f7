import { PassedOver } from "./comments.js";
import { matrixOf } from "./matrix-of-rows.js";
import { lineOf, splitRows } from "./rows.js";
import { TextError } from "./text-error.js";
import type { TextMatrix } from "./text-matrix.js";
import { matchAt } from "./tokens.js";

const TABLE = /\\begin\{((?:[bpvBV]|small)?matrix|(?:long)?tabular[xy*]?|array|aligned)\*?\}/g;
const ARGUMENTS = /(?:\[[^\]]{0,40}\]|\{(?:[^{}]|\{[^{}]{0,40}\}){0,100}\}){0,3}/y;

/** A cell ends at & or at two backslashes. */
const CELL = /([^&\\]*(?:\\(?!\\)&?[^&\\]*)*)(?:(&)|\\\\\*?(?:\[[^\]]{0,20}\])?|$)/y;

/**
 * Comments, rules and spaces, which are blanked, and powers of 10 and styled text, which are made plain. The number of
 * characters is limited, so that reading takes linear time.
 */
const COMMANDS =
  /\\\\|%.*|[$~]|\\(?:hline|(?:top|mid|bottom)rule|c(?:line|midrule)\S{0,40}|[,;:! ]|(?:left|right)\W)|[ ~]{0,3}\\(?:times|cdot)[ ~]{0,3}10\^\{?([+-]?\d{1,4})\}?|\\(?:text|math|bold|num)\w{0,6}\{([^{}\\&]{0,60})\}|\\(%)/g;
/** The text that may stand around a matrix. */
const AROUND = /\\(?:begin|end) ?\{[^{}]{0,40}\}|\\[[\]()]|\s+/g;

export function isLatex(text: string): boolean {
  return text.includes("\\begin{") || (text.includes("&") && text.includes("\\\\"));
}

/**
 * Reads a matrix or table of LaTeX, with cells separated by & and rows ended by two backslashes.
 *
 * @throws {TextError} for several of them, and where other text stands beside a matrix.
 */
export function parseLatex(text: string): TextMatrix {
  const comments = new PassedOver();
  const plain = withoutCommands(text, comments);
  const [start, end] = insideOf(plain);
  const rows = splitRows(plain.slice(0, end), start, CELL, "&");
  if (rows.length === 0) fail(plain, "there are no numbers in this table", start, end);
  return matrixOf(rows, "a LaTeX table", "&", comments.notes());
}

/** Blanks commands, so that places in the text stay the same. */
function withoutCommands(text: string, comments: PassedOver): string {
  return text.replace(COMMANDS, (all, power?: string, styled?: string, percent?: string, at = 0) => {
    if (/^%\s*\S/.test(all)) comments.add(all.trim(), () => lineOf(text, at));
    if (all === "\\\\") return all;
    return (power === undefined ? (styled ?? percent ?? "") : `e${power}`).padEnd(all.length);
  });
}

/** The start and end of the rows of the only table. */
function insideOf(plain: string): [start: number, end: number] {
  const [begin, second] = plain.matchAll(TABLE);
  if (begin === undefined) return [0, plain.length];
  if (second !== undefined)
    fail(plain, "a second table begins here; give one alone", second.index, second.index + second[0].length);
  let inside = begin.index + begin[0].length;
  if (!begin[1].includes("matrix")) inside += matchAt(ARGUMENTS, plain, inside).length;
  const end = plain.indexOf("\\end", inside);
  if (end === -1) fail(plain, "this table has no \\end", begin.index, inside);
  // A factor, a sign or an exponent would change the matrix, so only "A =" may stand there.
  const [before, after] = [plain.slice(0, begin.index), plain.slice(end)].map((around) => around.replace(AROUND, ""));
  if (!begin[1].includes("tabular") && !/^(?:[^=]*=)?\n[.,;]?$/.test(`${before}\n${after}`)) {
    fail(plain, "there is other text beside the matrix; give the matrix alone", 0, plain.length);
  }
  return [inside, end];
}

function fail(text: string, reason: string, start: number, end: number): never {
  const line = lineOf(text, start);
  throw new TextError(`Line ${line}: ${reason}.`, { line, range: [start, end - start] });
}
