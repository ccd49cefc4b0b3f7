import { looksNumeric, quote } from "./numbers.js";
import type { Row } from "./rows.js";

export type RowKind = "row" | "header" | "comment" | "rule";

/** The marks that begin comments. */
export const MARK = /^(?:#|%|\/\/)/;

/** Lines without cells in tables: |---|---|, +---+---+, box drawings, === ===. */
const RULE = /^[-=+|:\s\u2500-\u257f]+$/;
const BORDER = /[+=\u2500\u2501\u2504-\u2550\u2552-\u257f]/;
const DASHES = /-{3}|={3}|[\u2500-\u257f]{3}/;

/** What databases and pandas print below a table. */
const FOOTER = /^(?:\(\d+ rows?\)|\[\d+ rows x \d+ columns\])$/;

/**
 * The kind of a row. A row of numbers is never passed over: dashes may stand for missing numbers, errors of
 * spreadsheets begin with #, and words such as #love and # have rows in lists of embeddings.
 *
 * @param above the rows before it.
 * @param width the number of cells of the other rows.
 */
export function kindOfRow(cells: readonly string[], above: readonly Row[], width: number, separator: string): RowKind {
  const [first, ...others] = cells;
  if (FOOTER.test(cells.join(" "))) return "rule";
  if (first.startsWith(";")) {
    const isOfNumbers = others.length > 0 && others.every(looksNumeric);
    return isOfNumbers || (first.length > 1 && looksNumeric(first.slice(1))) ? "row" : "comment";
  }
  const text = first.replace(MARK, "");
  if (text === first) {
    const all = RULE.test(first) ? cells.join("") : "";
    if (!RULE.test(all)) return "row";
    if (BORDER.test(all)) return DASHES.test(all) ? "rule" : "row";
    const isBelowNames = DASHES.test(all) && !above[0]?.cells.some(looksNumeric);
    return above.length === 1 && (separator === "|" || isBelowNames) ? "rule" : "row";
  }
  const fits = cells.length === width;
  const areNumbers = others.filter(looksNumeric).length;
  if ((first.length > 1 && looksNumeric(first)) || first.startsWith("%%M")) return "row"; // %%MatrixMarket

  if (fits && width > 1 && areNumbers === width - 1) return "row";
  // numpy.savetxt writes the names of columns like this.
  if (fits && width > 1 && above.length === 0 && text !== "" && areNumbers === 0) return "header";
  if (/^(?:$|[\s#/!])/.test(text)) return "comment";
  return fits || areNumbers > 0 ? "row" : "comment";
}

/** Counts the comments that were passed over, for a note. */
export class PassedOver {
  #count = 0;
  #first = "";

  /** @param line finds the line of the comment. It is slow, and called once. */
  add(text: string, line: () => number): void {
    if (this.#count++ === 0) this.#first = `${quote(text)} in line ${line()}`;
  }

  notes(): string[] {
    if (this.#count === 0) return [];
    if (this.#count === 1) return [`${this.#first} was passed over as a comment.`];
    return [`${this.#first} and ${this.#count - 1} more were passed over as comments.`];
  }
}
