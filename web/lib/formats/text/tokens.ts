import { PassedOver } from "./comments.js";
import { lineOf } from "./rows.js";
import { TextError } from "./text-error.js";

/** Blanks, line ends, and comments of Python, MATLAB, C and JavaScript. */
const BETWEEN = /[^\S\r\n]+|[\r\n]+|(?:#|%|\/\/).*|\/\*[\s\S]*?\*\//y;
/** A mark, a string, perhaps without its end, or a word. */
const TOKEN = /[[\](){},;:=]|"(?:[^"\\\r\n]|\\.){0,1000}"?|'(?:[^'\\\r\n]|\\.){0,1000}'?|[^\s[\](){},;:="']+/y;

/** The tokens of nested arrays, one at a time. */
export class Tokens {
  readonly text: string;
  readonly comments = new PassedOver();
  /** The token that comes next; "" at the end of the text. */
  token = "";
  start: number;
  /** Whether it is the first in its line. */
  isFirst = false;
  /** The end of the token before it. */
  previousEnd = 0;

  constructor(text: string, from: number) {
    this.text = text;
    this.start = from;
    this.next();
  }

  get end(): number {
    return this.start + this.token.length;
  }

  next(): void {
    this.previousEnd = this.end;
    this.isFirst = false;
    let at = this.end;
    for (let match = matchAt(BETWEEN, this.text, at); match !== ""; match = matchAt(BETWEEN, this.text, at)) {
      const begin = at;
      at += match.length;
      if (/^[\r\n]/.test(match)) this.isFirst = true;
      else if (/^\S/.test(match)) this.comments.add(this.text.slice(begin, at), () => lineOf(this.text, begin));
    }
    this.start = at;
    this.token = matchAt(TOKEN, this.text, at);
  }

  is(token: string): boolean {
    return this.token === token;
  }

  /** Whether an expression, which must be sticky, matches where the token begins. */
  begins(expression: RegExp): boolean {
    return matchAt(expression, this.text, this.start) !== "";
  }

  /** @param place after the line, such as ", row 2". */
  fail(reason: string, place = "", start = this.start, end = this.end, column?: number): never {
    const line = lineOf(this.text, start);
    throw new TextError(`Line ${line}${place}: ${reason}.`, { line, column, range: [start, end - start] });
  }
}

/** What a sticky expression matches there; "" for nothing. */
export function matchAt(expression: RegExp, text: string, at: number): string {
  expression.lastIndex = at;
  return expression.exec(text)?.[0] ?? "";
}
