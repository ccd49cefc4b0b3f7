import { checkAttached, type FloatArray, isFloatArray, kindOf, shown } from "./arguments.js";

/** Weights as one array, and the shape where their nesting gives it. */
export interface FlatWeights {
  readonly values: FloatArray;
  readonly shape?: readonly [rows: number, columns: number];
}

/** Gives weights of any accepted kind as one array: typed arrays as they are, rows joined into a new one. */
export function flatten(weights: unknown): FlatWeights {
  if (isFloatArray(weights)) {
    checkAttached("weights", weights);
    if (weights.length === 0) throw new RangeError("weights is empty; there must be at least one");
    return { values: weights };
  }
  if (!Array.isArray(weights)) {
    throw new TypeError(`weights must be a Float32Array, a Float64Array or an array of rows, not ${shown(weights)}`);
  }
  if (weights.length === 0) throw new RangeError("weights has no rows; there must be at least one");
  const kind = kindOf(weights[0]);
  if (isFloatArray(weights[0])) return joinTyped(weights, kind);
  if (Array.isArray(weights[0])) return joinNumbers(weights);
  throw new TypeError(
    `weights[0] must be a row: an array of numbers, a Float32Array or a Float64Array, not ${shown(weights[0])}`,
  );
}

function joinTyped(rows: readonly unknown[], kind: string): FlatWeights {
  const columns = (rows[0] as FloatArray).length;
  const values =
    kind === "Float32Array" ? new Float32Array(rows.length * columns) : new Float64Array(rows.length * columns);
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r];
    if (kindOf(row) !== kind) throw new TypeError(`weights[${r}] must be a ${kind} like weights[0], not ${shown(row)}`);
    checkAttached(`weights[${r}]`, row as FloatArray);
    checkColumns(r, (row as FloatArray).length, columns);
    values.set(row as FloatArray, r * columns);
  }
  return { values, shape: [rows.length, columns] };
}

function joinNumbers(rows: readonly unknown[]): FlatWeights {
  const columns = (rows[0] as unknown[]).length;
  const values = new Float64Array(rows.length * columns);
  let at = 0;
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r];
    if (!Array.isArray(row)) throw new TypeError(`weights[${r}] must be an array of numbers, not ${shown(row)}`);
    checkColumns(r, row.length, columns);
    for (let c = 0; c < columns; c++) {
      const value: unknown = row[c];
      if (typeof value !== "number") throw new TypeError(`weights[${r}][${c}] must be a number, not ${shown(value)}`);
      values[at++] = value;
    }
  }
  return { values, shape: [rows.length, columns] };
}

function checkColumns(row: number, length: number, columns: number): void {
  if (length === 0) throw new RangeError(`weights[${row}] is empty; every row must hold at least one number`);
  if (length !== columns) {
    throw new RangeError(`weights[${row}] has ${length} columns; weights[0] has ${columns}, and all rows must agree`);
  }
}
