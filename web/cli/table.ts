import { cut, shortened } from "./format.js";

export interface Column {
  readonly title: string;
  /** Numbers end where their column does. */
  readonly number?: boolean;
  /**
   * Where its cells are shortened if the table is too wide. Names begin and end with what tells them apart, and sentences
   * begin with it.
   */
  readonly shorten?: "middle" | "end";
}

const GAP = 2;
/** Below this a text says nothing any more. */
const LEAST_WIDTH = 12;

/** Lines of a table, the titles first; no wider than `width` where its columns can be shortened enough. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string[] {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  narrow(widths, columns, width - GAP * (columns.length - 1));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const shown = columns[i].shorten === "end" ? cut(cell, widths[i]) : shortened(cell, widths[i]);
        return columns[i].number ? shown.padStart(widths[i]) : shown.padEnd(widths[i]);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** Takes from the widest column that can be shortened until all have room. */
function narrow(widths: number[], columns: readonly Column[], room: number): void {
  const flexible = columns.flatMap(({ shorten }, i) => (shorten === undefined ? [] : [i]));
  for (;;) {
    const [widest] = flexible.sort((a, b) => widths[b] - widths[a]);
    const excess = widths.reduce((sum, each) => sum + each, 0) - room;
    if (excess <= 0 || widest === undefined || widths[widest] <= LEAST_WIDTH) return;
    widths[widest]--;
  }
}
