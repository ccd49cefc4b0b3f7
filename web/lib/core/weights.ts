import { checkAttached, type FloatArray, isFloatArray, kindOf, shown, type WeightArray } from "./arguments.js";
import { newArray } from "./outputs.js";

/** What weights are. All but float64 are computed in float32. */
export type Dtype = "float32" | "float64" | HalfType;
export type HalfType = "float16" | "bfloat16";

/** Dtype of cpp/bindings.cpp. */
export const dtypeNumber: Record<Dtype, number> = { float32: 0, float64: 1, float16: 2, bfloat16: 3 };

/** The arrays in which they are read. */
export const arrayKinds = {
  float32: "Float32Array",
  float64: "Float64Array",
  float16: "Uint16Array",
  bfloat16: "Uint16Array",
} as const satisfies Record<Dtype, string>;

const dtypes: Record<string, Dtype> = { Float32Array: "float32", Float64Array: "float64", Float16Array: "float16" };

/** Weights that are checked. They lie in one array, or in rows that joinRows() joins into one. */
export interface FlatWeights {
  readonly values?: WeightArray;
  readonly rows?: readonly FloatArray[];
  readonly dtype: Dtype;
  readonly length: number;
  /** The shape, where their nesting gives it. */
  readonly shape?: readonly [rows: number, columns: number];
}

/**
 * Checks weights of any accepted kind. Numbers are joined into a new array.
 * @param given what the caller says the weights are; only a Uint16Array does not say it itself
 */
export function flatten(weights: unknown, given: unknown): FlatWeights {
  if (given !== undefined && given !== "float16" && given !== "bfloat16") {
    throw new TypeError(`dtype must be "float16" or "bfloat16", not ${shown(given)}`);
  }
  const kind = kindOf(weights);
  const dtype = kind === "Uint16Array" ? given : dtypes[kind];
  if (kind === "Uint16Array" && dtype === undefined) {
    throw new TypeError('weights is a Uint16Array; dtype: "float16" or dtype: "bfloat16" must say what its bits are');
  }
  if (given !== undefined && given !== dtype) {
    throw new TypeError(
      `dtype is ${shown(given)}, but weights is ${shown(weights)}; it is for the bits in a Uint16Array`,
    );
  }
  if (dtype !== undefined) {
    const values = bitsOf(weights as WeightArray);
    return { values, dtype, length: values.length };
  }
  if (!Array.isArray(weights)) {
    throw new TypeError(
      `weights must be a Float32Array, a Float64Array, half precision or an array of rows, not ${shown(weights)}`,
    );
  }
  if (weights.length === 0) throw new RangeError("weights has no rows; there must be at least one");
  if (isFloatArray(weights[0])) return checkTyped(weights, kindOf(weights[0]));
  if (Array.isArray(weights[0])) return joinNumbers(weights);
  throw new TypeError(
    `weights[0] must be a row: an array of numbers, a Float32Array or a Float64Array, not ${shown(weights[0])}`,
  );
}

/** The array as it is; of a Float16Array, its bits. */
function bitsOf(weights: WeightArray): WeightArray {
  checkAttached("weights", weights);
  if (weights.length === 0) throw new RangeError("weights is empty; there must be at least one");
  const { buffer, byteOffset, length } = weights;
  return kindOf(weights) === "Float16Array" ? new Uint16Array(buffer, byteOffset, length) : weights;
}

/** The first weight that is NaN or infinite, if there is one. */
export function firstNonFinite(values: WeightArray, dtype: Dtype): { index: number; value: number } | undefined {
  if (dtype === "float32" || dtype === "float64") {
    const index = values.findIndex((weight) => !Number.isFinite(weight));
    return index < 0 ? undefined : { index, value: values[index] as number };
  }
  const exponent = dtype === "float16" ? 0x7c00 : 0x7f80;
  const index = values.findIndex((bits) => (bits & exponent) === exponent);
  if (index < 0) return undefined;
  const bits = values[index] as number;
  if ((bits & 0x7fff) > exponent) return { index, value: Number.NaN };
  return { index, value: bits & 0x8000 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY };
}

function checkTyped(rows: readonly unknown[], kind: string): FlatWeights {
  const columns = (rows[0] as FloatArray).length;
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r];
    if (kindOf(row) !== kind) throw new TypeError(`weights[${r}] must be a ${kind} like weights[0], not ${shown(row)}`);
    checkAttached(`weights[${r}]`, row as FloatArray);
    checkColumns(r, (row as FloatArray).length, columns);
  }
  const shape = [rows.length, columns] as const;
  return { rows: rows as FloatArray[], dtype: dtypes[kind] as Dtype, length: rows.length * columns, shape };
}

/** The rows in one array. */
export function joinRows({
  rows = [],
  dtype,
  length,
}: {
  readonly rows: readonly FloatArray[] | undefined;
  readonly dtype: Dtype;
  readonly length: number;
}): FloatArray {
  const values = newArray(dtype === "float64" ? "Float64Array" : "Float32Array", length);
  let at = 0;
  for (const row of rows) {
    values.set(row, at);
    at += row.length;
  }
  return values;
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
  return { values, dtype: "float64", length: values.length, shape: [rows.length, columns] };
}

function checkColumns(row: number, length: number, columns: number): void {
  if (length === 0) throw new RangeError(`weights[${row}] is empty; every row must hold at least one number`);
  if (length !== columns) {
    throw new RangeError(`weights[${row}] has ${length} columns; weights[0] has ${columns}, and all rows must agree`);
  }
}
