import { parseDelimited } from "./delimited.js";
import { parseNestedArrays } from "./nested-arrays.js";
import { TextError } from "./text-error.js";

/** A matrix or tensor read from text, with the names that stood around its numbers. */
export interface TextMatrix {
  /** Row-major. */
  values: Float64Array<ArrayBuffer>;
  shape: number[];
  /** How the text was understood, e.g. "separated by commas". */
  layout: string;
  rowNames?: string[];
  columnNames?: string[];
}

/**
 * Reads a matrix from text: rows of numbers, or nested arrays.
 *
 * @throws {TextError} that names line and column.
 */
export function parseMatrix(input: string): TextMatrix {
  // What is no part of the matrix is blanked, not removed, so that places in the text stay places in the input.
  const text = withoutCall(input.replace(/^\ufeff/, " "));
  const begin = text.trimStart()[0];
  if (begin === "{") {
    const start = text.indexOf("{");
    const line = text.slice(0, start).split(/\r\n|\r|\n/).length;
    throw new TextError(`Line ${line}: this is an object; give its array alone, such as [[1, 2], [3, 4]].`, {
      line,
      range: [start, 1],
    });
  }
  if (begin !== "[") return parseDelimited(text);
  const matlab = /^\s*\[([^[\]]*;[^[\]]*)\]\s*;?\s*$/.exec(text);
  return matlab ? parseDelimited(text.replace(/[[\]]|;\s*$/g, " ")) : parseNestedArrays(text);
}

/** Blanks the call around arrays in Python, such as `np.array(` and `, dtype=float32)`. */
function withoutCall(text: string): string {
  const call = /^\s*(?:[\w.]+\.)?(?:array|tensor)\s*\((?=\s*\[)/;
  if (!call.test(text)) return text;
  const blank = (part: string) => part.replace(/[^\r\n]/g, " ");
  return text.replace(call, blank).replace(/(?:,\s*\w+\s*=[^,()[\]]*)*,?\s*\)\s*$/, blank);
}
