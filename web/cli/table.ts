import { shortened } from "./format.js";

export interface Column {
  readonly title: string;
  /** Numbers end where their column does. */
  readonly number?: boolean;
  /** Shortened where the table is too wide. */
  readonly flexible?: boolean;
}

const GAP = 2;
/** Below this a name says nothing any more. */
const LEAST_FLEXIBLE = 12;

/** Lines of a table, the titles first; no wider than `width` where its flexible column can be shortened enough. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string[] {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const excess = widths.reduce((sum, each) => sum + each, GAP * (columns.length - 1)) - width;
  const flexible = columns.findIndex((column) => column.flexible);
  if (excess > 0 && flexible !== -1) widths[flexible] = Math.max(LEAST_FLEXIBLE, widths[flexible] - excess);

  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const shown = shortened(cell, widths[i]);
        return columns[i].number ? shown.padStart(widths[i]) : shown.padEnd(widths[i]);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}
