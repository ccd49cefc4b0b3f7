import { quote } from "./numbers.js";
import { matchAt, type Tokens } from "./tokens.js";

/** Two integers with nothing but a comma between them, which may be one number. */
const PAIR = /[+-]?\d{1,9},\d{1,9}(?![\w.])/y;

/** Finds commas in a list that may be decimal. */
export class DecimalCommas {
  #first: { readonly pair: string; readonly start: number; readonly place: string } | undefined;
  #isFollowedByComma = false;
  #hasBlanks = false;

  /**
   * Takes note of the element that begins at the next token.
   *
   * @param afterBlank whether only a blank separates it from the one before.
   */
  element({ text, start }: Tokens, afterBlank: boolean, place: () => string): void {
    this.#hasBlanks ||= afterBlank;
    if (this.#first !== undefined) return;
    const pair = matchAt(PAIR, text, start);
    if (pair === "") return;
    this.#first = { pair, start, place: place() };
    this.#isFollowedByComma = text.startsWith(", ", start + pair.length);
  }

  /**
   * Gives a note for "[0,5, 1,25]".
   *
   * @throws {TextError} for "[0,5 1,25]", where blanks separate numbers too.
   */
  end(tokens: Tokens): string[] {
    if (this.#first === undefined) return [];
    const { pair, start, place } = this.#first;
    const quoted = quote(pair);
    if (!this.#hasBlanks) return this.#isFollowedByComma ? [`${quoted} was read as 2 numbers.`] : [];
    const remedy = "write it with a decimal point, or separate all numbers by commas";
    return tokens.fail(`${quoted} may be one number or two: ${remedy}`, place, start, start + pair.length);
  }
}
