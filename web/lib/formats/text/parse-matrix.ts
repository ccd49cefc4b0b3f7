import { kindOfName } from "./calls.js";
import { PassedOver } from "./comments.js";
import { parseDelimited } from "./delimited.js";
import { isLatex, parseLatex } from "./latex.js";
import { parseNestedArrays } from "./nested-arrays.js";
import { quote } from "./numbers.js";
import { lineOf } from "./rows.js";
import { TextError } from "./text-error.js";
import type { TextMatrix } from "./text-matrix.js";
import { matchAt } from "./tokens.js";

/** A line that ends with a colon, such as "Parameter containing:", and Excel's first line. */
const CAPTION = /(?:[A-Za-z\d][^\r\n,;|\t]{0,200}:[ ]*|sep=.)[\r\n]+/y;
/** Beginnings such as "w =", "const float w[2][2] =", "A <-", "weights:", "<tf.Tensor: shape=(2, 2), numpy=". */
const ASSIGNMENT =
  /(?:<tf\.[^\r\n]{0,300}?numpy=|[A-Za-z_$][\w .$@<>:,;&*[\]()"'\t]{0,200}?(?:<-|(?<![-+*/!<>=%^|&][ ]?):?=(?!=)|:(?=\s*[[{(])(?![^\r\n=]{0,100}[\])}>] ?=(?!=))))\s*/y;
/** The types before initializers in Java, C# and Go. */
const TYPE = /(?:new\s{1,9})?[\w.]{0,60}(?:\[[\d, ]{0,20}\]){1,9}[\w.]{0,60}\s?(?=\{)/y;
const NAME = /(?:new\s{1,9})?([A-Za-z_][\w.:]{0,60}!?)(\s{0,20})[([{](?![\],])/y;
/** What MATLAB prints above numbers that it divided by a power of 10. */
const FACTOR = /\s*\d[\d.]{0,20}e[+-]\d{1,3} \*[ \t]*[\r\n]+/y;
/** The lines around code in Markdown. */
const FENCE = /^[ \t]*(?:```|~~~)[\w-]{0,20}[ \t]*$/gm;
/** Lists of YAML: a single bullet may be a minus sign. */
const BULLETS = /- \[[^[\]]*\][ \t]*[\r\n]+[ \t]*- \[/y;
/** The first line of files in the format of Matrix Market. */
const MATRIX_MARKET = /\s*%%MatrixMarket.*/iy;
/** R's numbers of rows, columns and elements. */
const OF_R = /\[(?:,1\]|1,\]|1\][ \t]+[^\s[\],])/y;

/**
 * Reads a matrix from text: rows of numbers, nested arrays, or a table, in the notations of many languages and
 * programs.
 *
 * @throws {TextError} with the line and the column.
 */
export function parseMatrix(input: string): TextMatrix {
  // Text around the matrix is blanked rather than removed, so that places stay those of the input.
  const text = input.replace(/^\ufeff/, " ").replace(FENCE, (fence) => " ".repeat(fence.length));
  const market = matchAt(MATRIX_MARKET, text, 0);
  if (market !== "") {
    const line = lineOf(text, market.length);
    const message = `Line ${line} begins a file of Matrix Market, which is not read; write the matrix row by row, as in a .csv.`;
    throw new TextError(message, { line, range: [0, market.length] });
  }
  const comments = new PassedOver();
  let at = afterComments(text, 0, comments);
  if (isLatex(text)) return parseLatex(text);

  const caption = matchAt(CAPTION, text, at);
  const notes = caption === "" ? [] : [`${quote(caption.trim())} in line ${lineOf(text, at)} was passed over.`];
  at = afterComments(text, at + caption.length, comments);
  const assignment = beginsArray(text, at) ? "" : matchAt(ASSIGNMENT, text, at);
  const begin = at + assignment.length;
  if (beginsArray(text, begin)) {
    const array = assignment.startsWith("<") ? text.slice(0, text.lastIndexOf(">")) : withoutBullets(text, begin);
    const from = begin + matchAt(TYPE, text, begin).length;
    return parseNestedArrays(array, from, assignment !== "" && array === text, [...notes, ...comments.notes()]);
  }
  const factor = matchAt(FACTOR, text, begin);
  if (factor !== "") return multiplied(parseDelimited(text, begin + factor.length, notes), factor);
  if (/[\r\n]/.test(assignment)) return parseDelimited(text, begin, notes);
  return parseDelimited(text, caption === "" ? 0 : at, notes);
}

function multiplied(matrix: TextMatrix, factor: string): TextMatrix {
  const [number] = factor.trim().split(" ");
  const note = `Every number was multiplied by ${number}.`;
  return { ...matrix, values: matrix.values.map((value) => value * Number(number)), notes: [...matrix.notes, note] };
}

/** The next place that is neither a blank nor in a line that may be a comment. */
function afterComments(text: string, from: number, comments: PassedOver): number {
  for (let at = from; ; ) {
    at += matchAt(/\s+/y, text, at).length;
    const comment = matchAt(/(?:#|%(?!%)|\/\/).*/y, text, at);
    if (comment === "") return at;
    const start = at;
    comments.add(comment, () => lineOf(text, start));
    at += comment.length;
  }
}

/** A name with a bracket after it may be the head of a column: "a (cm)". */
function beginsArray(text: string, at: number): boolean {
  if (matchAt(OF_R, text, at) !== "") return false;
  if (/^[[({]/.test(text.slice(at, at + 1)) || matchAt(BULLETS, text, at) !== "" || matchAt(TYPE, text, at) !== "")
    return true;
  NAME.lastIndex = at;
  const [, name, blanks] = NAME.exec(text) ?? [];
  return name !== undefined && kindOfName(name) !== undefined && (blanks === "" || /^Tensor$|Array$/.test(name));
}

/** Blanks the bullets of lists in YAML. */
function withoutBullets(text: string, at: number): string {
  return text[at] === "-" ? text.replace(/^([ \t]*)-(?= \[)/gm, "$1 ") : text;
}
