/** How one number is written in text. */

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const DECIMAL_COMMA = /^[+-]?(?:\d+,\d*|,\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;

/** The number a cell holds, Infinity where it is larger than any float64; NaN where it holds none. */
export function numberIn(cell: string, decimalComma = false): number {
  const text = cell.replaceAll("\u2212", "-"); // the minus sign of typeset text
  if (DECIMAL.test(text)) return Number(text);
  if (decimalComma && DECIMAL_COMMA.test(text)) return Number(text.replace(",", "."));
  return Number.NaN;
}

/** Whether a cell is meant as a number rather than as a name. */
export function looksNumeric(cell: string, decimalComma = false): boolean {
  return !Number.isNaN(numberIn(cell, decimalComma)) || NOT_FINITE.test(cell);
}

/** Why a cell is no weight. */
export function whyNoWeight(cell: string, decimalComma = false): string {
  if (cell === "") return "the cell is empty; a number must stand there";
  if (NOT_FINITE.test(cell)) return `${quote(cell)} is not finite; weights must be`;
  if (looksNumeric(cell, decimalComma)) return `${quote(cell)} is larger than float64 can hold (1.8e308)`;
  return `${quote(cell)} is not a number`;
}

/** The text in quotes, short enough for a message. */
export function quote(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return `“${line.length > 40 ? `${line.slice(0, 40)}…` : line}”`;
}
