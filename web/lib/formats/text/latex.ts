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
 * Comments, rules and spaces, which are blanked; powers of 10, and what is only styled, which are made plain. No more
 * characters than these are looked at, so that reading takes linear time.
 */
const COMMANDS =
  /\\\\|%.*|[$~]|\\(?:hline|(?:top|mid|bottom)rule|c(?:line|midrule)\S{0,40}|[,;:! ]|(?:left|right)\W)|[ ~]{0,3}\\(?:times|cdot)[ ~]{0,3}10\^\{?([+-]?\d{1,4})\}?|\\(?:text|math|bold|num)\w{0,6}\{([^{}\\&]{0,60})\}|\\(%)/g;
/** What may stand around a matrix. */
const AROUND = /\\(?:begin|end) ?\{[^{}]{0,40}\}|\\[[\]()]|\s+/g;

export function isLatex(text: string): boolean {
  return text.includes("\\begin{") || (text.includes("&") && text.includes("\\\\"));
}

/**
 * Reads a matrix or table of LaTeX: cells parted by &, rows ended by two backslashes.
 *
 * @throws {TextError} for several of them, and where something stands beside a matrix.
 */
export function parseLatex(text: string): TextMatrix {
  const plain = withoutCommands(text);
  const [start, end] = insideOf(plain);
  const rows = splitRows(plain.slice(0, end), start, CELL, "&");
  if (rows.length === 0) fail(plain, "there are no numbers in this table", start, end);
  return matrixOf(rows, "a LaTeX table", "&", []);
}

/** The text without its commands, at their places. */
function withoutCommands(text: string): string {
  return text.replace(COMMANDS, (all, power?: string, styled?: string, percent?: string) => {
    if (all === "\\\\") return all;
    return (power === undefined ? (styled ?? percent ?? "") : `e${power}`).padEnd(all.length);
  });
}

/** Where the rows of the one table begin and end. */
function insideOf(plain: string): [start: number, end: number] {
  const [begin, second] = plain.matchAll(TABLE);
  if (begin === undefined) return [0, plain.length];
  if (second !== undefined)
    fail(plain, "a second table begins here; give one alone", second.index, second.index + second[0].length);
  let inside = begin.index + begin[0].length;
  if (!begin[1].includes("matrix")) inside += matchAt(ARGUMENTS, plain, inside).length;
  const end = plain.indexOf("\\end", inside);
  if (end === -1) fail(plain, "this table has no \\end", begin.index, inside);
  // A factor, a sign or an exponent makes another matrix of it; only "A =" may stand there.
  const [before, after] = [plain.slice(0, begin.index), plain.slice(end)].map((around) => around.replace(AROUND, ""));
  if (!begin[1].includes("tabular") && !/^(?:[^=]*=)?\n[.,;]?$/.test(`${before}\n${after}`)) {
    fail(plain, "something stands beside the matrix; give it alone", 0, plain.length);
  }
  return [inside, end];
}

function fail(text: string, reason: string, start: number, end: number): never {
  const line = lineOf(text, start);
  throw new TextError(`Line ${line}: ${reason}.`, { line, range: [start, end - start] });
}
