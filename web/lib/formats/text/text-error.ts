/** Text that cannot be read as a matrix, and where. */
export class TextError extends Error {
  /** "TextError". */
  override readonly name = "TextError";
  /** Line of the text, counted from 1. */
  readonly line: number;
  /** Cell in its row, counted from 1; undefined where a whole row is wrong. */
  readonly column: number | undefined;
  /** Part of the text to point at: its first character and its length. */
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
