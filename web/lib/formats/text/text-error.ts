/** An error for text that cannot be read as a matrix, with the place. */
export class TextError extends Error {
  /** The name of the error: "TextError". */
  override readonly name = "TextError";
  /** The line of the text, counted from 1. */
  readonly line: number;
  /** The cell in its row, counted from 1; undefined where a whole row is wrong. */
  readonly column: number | undefined;
  /** The part of the text to point at, as its first character and its length. */
  readonly range: readonly [start: number, length: number];

  constructor(
    message: string,
    place: { line: number; column?: number | undefined; range: readonly [start: number, length: number] },
  ) {
    super(message);
    this.line = place.line;
    this.column = place.column;
    this.range = place.range;
  }
}
