/** Reads one number, in the notations of programs, tables and countries. */

/** Nearly all numbers, in a notation that JavaScript's Number() reads too. */
const PLAIN = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;

/**
 * Digits with marks between them; an exponent (Fortran's 1.D-5 and 1.Q-5, Julia's 1.f-5, Mathematica's 1*^-5, a table's 1 ×
 * 10^-5); suffixes of languages (C's 1.f, Rust's 1.0f32, R's 1L, Mathematica's precision 1`7.95); and a percent sign. 1d5 and 1f
 * may be hexadecimal.
 */
const OTHER =
  /^([+-]?)([\d.,][\d.,'’\u00a0\u202f]*(?<=[\d.,]))(?:(?:[eE]|(?<=\.\d*)(?:[dDqQ]|f(?!32|64))|\*\^|\s?[×·*]\s?10\^)([+-]?\d+))?(?:(?<=[.eE][\d+-]*)[fF](?:32|64)?|L|`(?:\d+\.\d*)?)?(\s?%)?$/;
const FRACTION = /^([+-]?\d+)\/(\d+)$/;

/** The longest number in other notations than the plain one. */
const MAX_LENGTH = 100;

const NOT_FINITE = /^[+-]?(?:nan|nan\([^)]*\)|inf|infinity|∞)(?:\s?%)?$/i;
const LEFT_OUT = /^(?:\.{2,}|…|⋮)$/;
/** Marks for missing numbers, truth values, and errors of spreadsheets such as #DIV/0!. */
const MISSING =
  /^(?:true|false|wahr|falsch|vrai|faux|verdadero|falso|[qs]nan|<?na>?|n\/a|null|none|[-\u2212–—.?*]+|#(?:n\/a|nv|[a-z0-9/]+[!?]|#+))$/i;
/** Amounts of money: kr 1 and R$ 2 are what is left of 1,50 and 2,50 where commas separate cells. */
const AMOUNT =
  /^(?:[A-Z]{0,3}\p{Sc}|EUR|USD|GBP|JPY|CNY|CHF|INR|CAD|AUD|NZD|SGD|HKD|KRW|BRL|MXN|ZAR|TRY|RUB|SEK|NOK|DKK|PLN|CZK|HUF|kr\.?|Rs\.?|Fr\.?|Rp\.?|zł)\s?[+\u2212-]?\d[\d.,'’\u00a0\u202f]*$|^[+\u2212-]?[\d.,'’]+ ?(?:EUR|USD|GBP|JPY|CNY|CHF|INR)$/u;
/** What Microsoft's C prints for infinity and NaN, rounded to any number of digits: 1.#INF, 1.#J. */
const NOT_FINITE_IN_C = /^[+-]?1\.#/;
/** Fortran's numbers of 16 bytes; 1Q23 is a quarter. */
const QUADRUPLE = /^[+\u2212-]?\d*\.\d*[qQ][+\u2212-]?\d+$/;
/**
 * Numbers with what they measure: a unit, or any word behind decimals or a space. What else follows whole digits may be
 * a name, such as 1st, 3d and 7b.
 */
const MEASURE =
  /^[+\u2212-]?(?:[\d.,]+\s?(?:[kKMGTmµμun]?(?:g|m|s|Hz|B|i?B|bit|W|V|A|J|N|Pa|l|Ω|eV|mol|cal)|[kcm]m[²³]|cm|dB|px|pt|em|h|min|secs?|hours?|years?|days?|rpm|lb|oz|pct|°[CF]?|K|ppm)|\d[\d.,]*\s\p{L}[\p{L}/²³]*\.?|\d*[.,]\d+\p{L}[\p{L}/²³]*\.?)$/u;
/** Signs, then digits. */
const BEGINS_WITH_DIGIT = /^[^\p{L}\p{N}#[\]_"]*\p{N}/u;
const LETTERS_OF_NUMBERS = /^[eEdD]?[fFlLijkKMGTnuµm]?$/;
const OTHER_BASE = /^[+-]?(?:0[xob][\da-f]|&[ho][\da-f]+$)/i;
const DATE_OR_TIME =
  /^(?:\d\d? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\d{4}-\d\d?-|\d\d?([./])\d\d?\1\d{4}|\d\d?:\d\d)/i;

/** The number in the plain notation; NaN for other text. */
export function plainNumber(text: string): number {
  PLAIN.lastIndex = 0;
  return PLAIN.test(text) && PLAIN.lastIndex === text.length ? Number(text) : Number.NaN;
}

/**
 * The number that a cell holds; Infinity where it is larger than any float64, NaN for other text.
 *
 * @param decimalComma whether a comma precedes the decimals and points separate thousands, rather than the reverse.
 */
export function numberIn(cell: string, decimalComma = false): number {
  const plain = plainNumber(decimalComma ? cell.replace(",", ".") : cell);
  if (!(Number.isNaN(plain) || (decimalComma && cell.includes("."))) || cell.length > MAX_LENGTH) return plain;
  const text = cell.replace(/[\u2212–](?=[\d.,])/g, "-"); // typeset minus signs
  const [, above, below] = FRACTION.exec(text) ?? [];
  if (Number(below)) return Number(above) / Number(below);
  const [, sign, mantissa = "", exponent = 0, percent] = OTHER.exec(text) ?? [];
  const [whole, decimals = "", ...more] = mantissa.split(decimalComma ? "," : ".");
  const digits = withoutThousands(whole, decimalComma ? "." : ",");
  if (!/^\d*$/.test(digits + decimals) || digits + decimals === "" || more.length > 0) return Number.NaN;
  return Number(`${sign}${digits}.${decimals}e${Number(exponent) - (percent ? 2 : 0)}`);
}

/** Removes the mark between groups of three digits, which is `ownMark`, an apostrophe or a space. */
function withoutThousands(whole: string, ownMark: string): string {
  const mark = /[^\d]/.exec(whole)?.[0] ?? ownMark;
  const groups = whole.split(mark);
  const fits = groups.every((group, i) => (i === 0 ? /^[1-9]\d{0,2}$/ : /^\d{3}$/).test(group));
  return fits && (mark === ownMark || !".,".includes(mark)) ? groups.join("") : whole;
}

/** Whether a cell is meant as a number, in any notation, or as a missing one, rather than as a name. */
export function looksNumeric(cell: string): boolean {
  if (!Number.isNaN(plainNumber(cell))) return true;
  if (cell.length > MAX_LENGTH) return false;
  if (NOT_FINITE.test(cell) || MISSING.test(cell) || isLeftOut(cell) || OTHER_BASE.test(cell)) return true;
  if (AMOUNT.test(cell) || NOT_FINITE_IN_C.test(cell) || QUADRUPLE.test(cell)) return true;
  if (MEASURE.test(cell) && !DATE_OR_TIME.test(cell)) return true;
  const letters = cell.replace(/\P{L}/gu, "");
  return BEGINS_WITH_DIGIT.test(cell) && LETTERS_OF_NUMBERS.test(letters) && !DATE_OR_TIME.test(cell);
}

/** Whether a cell stands for numbers that were not printed. */
export function isLeftOut(cell: string): boolean {
  return LEFT_OUT.test(cell);
}

/** The reason why a cell is not a weight. */
export function whyNoWeight(cell: string, decimalComma = false): string {
  if (cell === "") return "the cell is empty; a number must stand there";
  const quoted = quote(cell);
  if (NOT_FINITE.test(cell)) return `${quoted} is not finite; weights must be`;
  if (isLeftOut(cell)) return `${quoted} stands for numbers that were left out; all must be there`;
  if (Math.abs(numberIn(cell, decimalComma)) === Infinity) return `${quoted} is larger than float64 can hold (1.8e308)`;
  const advice =
    BEGINS_WITH_DIGIT.test(cell) && looksNumeric(cell) ? " as it is read here; write it like -1234.5 or 1.5e-7" : "";
  return `${quoted} is not a number${advice}`;
}

/** The text in quotes, shortened for a message, and without control characters of terminals. */
export function quote(text: string, longest = 40): string {
  const line = text.slice(0, longest + 1).replace(/[\s\p{C}]+/gu, " ");
  return `“${line.length > longest ? `${line.slice(0, longest)}…` : line}”`;
}
