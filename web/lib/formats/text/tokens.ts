import { PassedOver } from "./comments.js";
import { lineOf } from "./rows.js";
import { TextError } from "./text-error.js";

/** Blanks, line ends, and comments of Python, MATLAB, C and JavaScript. */
const BETWEEN = /[^\S\r\n]+|[\r\n]+|(?:#|%|\/\/).*|\/\*[\s\S]*?\*\//y;
/** A mark, a string, which may lack its end, or a word. */
const TOKEN = /[[\](){},;:=]|"(?:[^"\\\r\n]|\\.){0,1000}"?|'(?:[^'\\\r\n]|\\.){0,1000}'?|[^\s[\](){},;:="']+/y;

/** Yields the tokens of nested arrays, one at a time. */
export class Tokens {
  readonly text: string;
  readonly comments = new PassedOver();
  /** The next token; "" at the end of the text. */
  token = "";
  start: number;
  /** Whether the token is the first in its line. */
  isFirst = false;
  /** The place where the previous token ended. */
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

  /** Whether a sticky expression matches at the start of the token. */
  begins(expression: RegExp): boolean {
    return matchAt(expression, this.text, this.start) !== "";
  }

  /** @param place is added after the line, such as ", row 2". */
  fail(reason: string, place = "", start = this.start, end = this.end, column?: number): never {
    const line = lineOf(this.text, start);
    throw new TextError(`Line ${line}${place}: ${reason}.`, { line, column, range: [start, end - start] });
  }
}

/** The match of a sticky expression at a place; "" for none. */
export function matchAt(expression: RegExp, text: string, at: number): string {
  expression.lastIndex = at;
  return expression.exec(text)?.[0] ?? "";
}
