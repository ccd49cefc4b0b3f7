import type { Matrix, Window } from "../matrix.js";

/** The visible part of a matrix, in cells and parts of cells. */
export class Viewport {
  /** The least number of cells to zoom to. */
  static readonly LEAST = 4;
  #matrix: Pick<Matrix, "rows" | "columns"> = { rows: 1, columns: 1 };
  row = 0;
  rows = 1;
  column = 0;
  columns = 1;

  /** Shows the whole of a matrix. */
  fit(matrix: Pick<Matrix, "rows" | "columns">) {
    this.#matrix = matrix;
    this.row = 0;
    this.column = 0;
    this.rows = matrix.rows;
    this.columns = matrix.columns;
  }

  get isWhole(): boolean {
    return this.rows === this.#matrix.rows && this.columns === this.#matrix.columns;
  }

  /** The whole cells that are at least partly visible. */
  get window(): Window {
    const [row, column] = [Math.floor(this.row), Math.floor(this.column)];
    return {
      row,
      rows: Math.min(this.#matrix.rows, Math.ceil(this.row + this.rows)) - row,
      column,
      columns: Math.min(this.#matrix.columns, Math.ceil(this.column + this.columns)) - column,
    };
  }

  /** Zooms in by a factor. The place at these fractions of width and height stays where it is. */
  zoom(factor: number, x = 0.5, y = 0.5) {
    const [row, column] = [this.row + y * this.rows, this.column + x * this.columns];
    this.rows = this.#size(this.rows / factor, this.#matrix.rows);
    this.columns = this.#size(this.columns / factor, this.#matrix.columns);
    this.#place(row - y * this.rows, column - x * this.columns);
  }

  /** Moves by fractions of the visible part. */
  move(x: number, y: number) {
    this.#place(this.row + y * this.rows, this.column + x * this.columns);
  }

  /** Moves as little as is needed to show a cell. */
  reveal(row: number, column: number) {
    this.#place(
      Math.max(Math.min(this.row, row), row + 1 - this.rows),
      Math.max(Math.min(this.column, column), column + 1 - this.columns),
    );
  }

  /** The cell at these fractions of width and height. */
  cellAt(x: number, y: number): { row: number; column: number } {
    const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor(value)));
    return {
      row: clamp(this.row + y * this.rows, this.#matrix.rows),
      column: clamp(this.column + x * this.columns, this.#matrix.columns),
    };
  }

  #size(wanted: number, whole: number): number {
    return Math.min(whole, Math.max(Math.min(Viewport.LEAST, whole), wanted));
  }

  #place(row: number, column: number) {
    this.row = Math.min(this.#matrix.rows - this.rows, Math.max(0, row));
    this.column = Math.min(this.#matrix.columns - this.columns, Math.max(0, column));
  }
}
