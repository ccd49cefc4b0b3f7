import { type FloatArray, isFloatArray, kindOf, shown, type WeightArray } from "./arguments.js";
import { lengthOf } from "./arrays.js";
import { arrayKinds, type Dtype, type HalfType } from "./dtype.js";
import { newArray, viewOf } from "./outputs.js";

const dtypes: Record<string, Dtype> = { Float32Array: "float32", Float64Array: "float64", Float16Array: "float16" };

/**
 * Weights in the form in which they were given: one array, rows, or numbers, which are joined. Their types are checked.
 */
export type GivenWeights =
  | { readonly array: WeightArray; readonly dtype: Dtype }
  | { readonly rows: readonly FloatArray[]; readonly dtype: Dtype }
  | { readonly numbers: Float64Array; readonly columns: number; readonly dtype: "float64" };

/** Checked weights, in one array, or in rows that joinRows() joins into one. */
export interface FlatWeights {
  readonly values?: WeightArray;
  readonly rows?: readonly FloatArray[];
  readonly dtype: Dtype;
  readonly length: number;
  /** The shape, where their nesting gives it. */
  readonly shape?: readonly [rows: number, columns: number];
}

/**
 * Takes weights of any accepted kind; every row and number is read once.
 * @param given the `dtype` of the caller, which only a Uint16Array needs
 */
export function takeWeights(weights: unknown, given: unknown): GivenWeights {
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
  if (dtype !== undefined) return { array: weights as WeightArray, dtype };
  if (!Array.isArray(weights)) {
    throw new TypeError(
      `weights must be a Float32Array, a Float64Array, half precision or an array of rows, not ${shown(weights)}`,
    );
  }
  const { length } = weights;
  if (length === 0) throw new RangeError("weights has no rows; there must be at least one");
  const first: unknown = weights[0];
  if (isFloatArray(first)) return takeRows(weights, length, first);
  if (Array.isArray(first)) return joinNumbers(weights, length, first);
  throw new TypeError(
    `weights[0] must be a row: an array of numbers, a Float32Array or a Float64Array, not ${shown(first)}`,
  );
}

function takeRows(weights: readonly unknown[], length: number, first: FloatArray): GivenWeights {
  const kind = kindOf(first);
  const rows = [first];
  for (let r = 1; r < length; r++) {
    const row = weights[r];
    if (kindOf(row) !== kind) throw new TypeError(`weights[${r}] must be a ${kind} like weights[0], not ${shown(row)}`);
    rows.push(row as FloatArray);
  }
  return { rows, dtype: dtypes[kind] as Dtype };
}

function joinNumbers(weights: readonly unknown[], length: number, first: readonly unknown[]): GivenWeights {
  const columns = first.length;
  const numbers = newArray("Float64Array", length * columns);
  let at = 0;
  for (let r = 0; r < length; r++) {
    const row = r === 0 ? first : weights[r];
    if (!Array.isArray(row)) throw new TypeError(`weights[${r}] must be an array of numbers, not ${shown(row)}`);
    checkColumns(r, row.length, columns);
    for (let c = 0; c < columns; c++) {
      const value: unknown = row[c];
      if (typeof value !== "number") throw new TypeError(`weights[${r}][${c}] must be a number, not ${shown(value)}`);
      numbers[at++] = value;
    }
  }
  return { numbers, columns, dtype: "float64" };
}

/** Checks that the arrays still have their memory, and their lengths. */
export function checkWeights(given: GivenWeights): FlatWeights {
  const { dtype } = given;
  if ("numbers" in given) {
    const { numbers, columns } = given;
    return { values: numbers, dtype, length: numbers.length, shape: [numbers.length / columns, columns] };
  }
  if ("rows" in given) {
    const { rows } = given;
    const columns = lengthOf(rows[0]);
    rows.forEach((row, r) => {
      if (lengthOf(row) === 0) viewOf(`weights[${r}]`, arrayKinds[dtype], row); // throws for one that is detached
      checkColumns(r, lengthOf(row), columns);
    });
    return { rows, dtype, length: rows.length * columns, shape: [rows.length, columns] };
  }
  const values: WeightArray = viewOf("weights", arrayKinds[dtype], given.array);
  if (values.length === 0) throw new RangeError("weights is empty; there must be at least one");
  return { values, dtype, length: values.length };
}

/** The first weight that is NaN or infinite, if there is one. Each is read once: other threads may change them. */
export function firstNonFinite(values: WeightArray, dtype: Dtype): { index: number; value: number } | undefined {
  const isHalf = dtype === "float16" || dtype === "bfloat16";
  for (let index = 0; index < values.length; index++) {
    const value = isHalf ? specialHalf(values[index] as number, dtype) : (values[index] as number);
    if (!Number.isFinite(value)) return { index, value };
  }
  return undefined;
}

/** The value of a half's bits if it is NaN or an infinity; otherwise 0. */
function specialHalf(bits: number, dtype: HalfType): number {
  const exponent = dtype === "float16" ? 0x7c00 : 0x7f80;
  if ((bits & exponent) !== exponent) return 0;
  if ((bits & 0x7fff) > exponent) return Number.NaN;
  return bits & 0x8000 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** The rows in one array. */
export function joinRows(rows: readonly FloatArray[], dtype: Dtype, length: number): FloatArray {
  const values = newArray(dtype === "float64" ? "Float64Array" : "Float32Array", length);
  rows.forEach((row, r) => {
    values.set(row, (r * length) / rows.length);
  });
  return values;
}

function checkColumns(row: number, length: number, columns: number): void {
  if (length === 0) throw new RangeError(`weights[${row}] is empty; rows must hold at least one number`);
  if (length !== columns) {
    throw new RangeError(`weights[${row}] has ${length} columns; weights[0] has ${columns}, and all rows must agree`);
  }
}
