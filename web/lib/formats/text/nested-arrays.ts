import { MAX_RANK } from "../../tensor/dtypes.js";
import { numberIn, quote, whyNoWeight } from "./cells.js";
import type { TextMatrix } from "./parse-matrix.js";
import { TextError } from "./text-error.js";

/** A bracket, a comma, a string (perhaps without its end), or a word. */
const TOKEN = /\s*([[\],]|"(?:[^"\\]|\\.)*"?|[^\s[\],"]+)/y;

/**
 * Reads numbers in nested brackets: JSON, Python's lists, and what numpy prints, where spaces stand for commas.
 * The arrays may be nested to any depth, but must form a tensor.
 */
export function parseNestedArrays(text: string): TextMatrix {
  const values: number[] = [];
  /** Elements so far in the array that is open at each depth. */
  const counts: number[] = [];
  /** Length of the arrays at each depth, known when the first of them closes. */
  const shape: number[] = [];
  let numbersAt: number | undefined;
  let previous = "start" as "start" | "comma" | "value";
  let token = "";
  let end = 0;

  const fail = (reason: string): never => {
    const start = end - token.length;
    const line = text.slice(0, start).split(/\r\n|\r|\n/).length;
    const column = counts.length === 2 ? counts[1] + 1 : undefined;
    throw new TextError(`Line ${line}${place(counts)}: ${reason}.`, { line, column, range: [start, token.length] });
  };
  const endValue = () => {
    previous = "value";
    if (counts.length > 0) counts[counts.length - 1]++;
  };

  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    token = match[1];
    end = TOKEN.lastIndex;
    if (counts.length === 0 && previous === "value") fail(`${quote(token)} follows the end of the arrays`);

    if (token === "[") {
      if (counts.length === numbersAt) fail("an array stands among numbers");
      if (counts.length === MAX_RANK) fail(`arrays are nested more than ${MAX_RANK} deep`);
      counts.push(0);
      previous = "start";
    } else if (token === "]") {
      const length = counts.pop() as number;
      const depth = counts.length;
      if (length === 0) fail("the array is empty");
      shape[depth] ??= length;
      if (length !== shape[depth]) {
        fail(`this array is ${length} long and the first one ${shape[depth]}; rows must be of one length`);
      }
      endValue();
    } else if (token === ",") {
      if (previous !== "value") fail("a number is missing before the comma");
      previous = "comma";
    } else {
      const value = numberIn(token);
      if (!Number.isFinite(value)) fail(whyNoWeight(token));
      numbersAt ??= counts.length;
      if (counts.length !== numbersAt) fail(`${quote(token)} stands among arrays`);
      values.push(value);
      endValue();
    }
  }
  token = "";
  end = text.length;
  if (counts.length > 0) fail(`the text ends before ${counts.length === 1 ? "a bracket" : "the brackets"} closed`);

  return {
    values: Float64Array.from(values),
    shape: shape.length === 1 ? [1, ...shape] : shape,
    layout: "nested arrays",
  };
}

/** Where reading has come to: row and column counted from 1 in a matrix, otherwise indices from 0 as in code. */
function place(counts: readonly number[]): string {
  if (counts.length === 1) return `, row ${counts[0] + 1}`;
  if (counts.length === 2) return `, row ${counts[0] + 1}, column ${counts[1] + 1}`;
  return counts.length === 0 ? "" : `, at [${counts.join("][")}]`;
}
