import { printable } from "channelwise/models";
import { cut, shortened } from "./format.js";

export interface Column {
  readonly title: string;
  /** Whether the cells are numbers, which are aligned to the right. */
  readonly number?: boolean;
  /**
   * The place where cells are shortened if the table is too wide. Names differ at their beginnings and ends; sentences
   * begin with the important part.
   */
  readonly shorten?: "middle" | "end";
}

const GAP = 2;
/** A narrower text is useless. */
const LEAST_WIDTH = 12;
/** The limit holds in a pipe too: one name of a megabyte would make every line as long. */
const MOST_WIDTH = 400;

/**
 * The lines of a table, titles first, no wider than `width` where columns can be shortened enough. Texts are made
 * printable here.
 */
export function tableLines(
  columns: readonly Column[],
  texts: readonly (readonly string[])[],
  width = Infinity,
): string[] {
  const rows = texts.map((row) => row.map((text, i) => printable(fitted(text, columns[i], MOST_WIDTH))));
  const widths = columns.map(({ title }, i) => rows.reduce((most, row) => Math.max(most, row[i].length), title.length));
  narrow(widths, columns, width - GAP * (columns.length - 1));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const shown = fitted(cell, columns[i], widths[i]);
        return columns[i].number ? shown.padStart(widths[i]) : shown.padEnd(widths[i]);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

function fitted(text: string, { shorten }: Column, width: number): string {
  return shorten === "end" ? cut(text, width) : shortened(text, width);
}

/** Narrows the widest column that can be shortened until all have room. */
function narrow(widths: number[], columns: readonly Column[], room: number): void {
  const flexible = columns.flatMap(({ shorten }, i) => (shorten === undefined ? [] : [i]));
  for (;;) {
    const [widest] = flexible.sort((a, b) => widths[b] - widths[a]);
    const excess = widths.reduce((sum, each) => sum + each, 0) - room;
    if (excess <= 0 || widest === undefined || widths[widest] <= LEAST_WIDTH) return;
    widths[widest]--;
  }
}
