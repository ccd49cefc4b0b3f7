/** The two-dimensional form in which a tensor is shown, and the names of its elements. */

/** A part of a matrix, in whole cells. */
export interface Window {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** A tensor as a matrix of the same row-major order: its first dimensions in rows, the others in columns. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly rowShape: readonly number[];
  readonly columnShape: readonly number[];
}

/** The matrix whose rows are channels, or whose columns are if their axis is the last. */
export function matrixOf(shape: readonly number[], axis: number): Matrix {
  const cut = axis === shape.length - 1 ? axis : axis + 1;
  const [rowShape, columnShape] = [shape.slice(0, cut), shape.slice(cut)];
  return { rows: product(rowShape), columns: product(columnShape), rowShape, columnShape };
}

export function product(dimensions: readonly number[]): number {
  return dimensions.reduce((a, b) => a * b, 1);
}

/** The indices of an element in a tensor of this shape, row-major. */
export function indicesOf(index: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  for (const dimension of [...shape].reverse()) {
    indices.unshift(index % dimension);
    index = Math.floor(index / dimension);
  }
  return indices;
}

/** The name of an element, e.g. "[3, 17]". */
export function elementName(index: number, shape: readonly number[]): string {
  return `[${indicesOf(index, shape).join(", ")}]`;
}

/** The index of an element along the axis. */
export function channelOf(index: number, shape: readonly number[], axis: number): number {
  return Math.floor(index / product(shape.slice(axis + 1))) % shape[axis];
}
