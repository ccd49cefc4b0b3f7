/** Results in the form of the reference program: a dictionary with scales, mse and max_error rounded to 8 decimals. */

export interface ReferenceValues {
  scales: ArrayLike<number>;
  /** The reference program has none; they come after the scales. */
  zeroPoints?: ArrayLike<number> | undefined;
  /** The integers, row-major like the dequantized values. */
  quantized: Int8Array | Int16Array;
  dequantized: Float32Array | Float64Array;
  shape: readonly number[];
  mse: number;
  maxError: number;
}

const word = new DataView(new ArrayBuffer(8));

/**
 * Rounds to 8 decimals exactly as Python's round(x, 8): the double's exact decimal expansion is rounded half to even,
 * and the nearest double to that decimal is returned. (1/512 = 0.001953125 gives 0.00195312; toFixed(8) gives ...313.)
 */
export function roundTo8(x: number): number {
  if (!Number.isFinite(x) || Number.isInteger(x)) return x;
  word.setFloat64(0, x);
  const bits = word.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const significand = exponent === 0 ? fraction : fraction | 0x10000000000000n;
  // |x| = significand / 2^shift, with a shift above 0 because x is not an integer.
  const shift = BigInt(1075 - Math.max(exponent, 1));

  const scaled = significand * 10n ** 8n;
  const below = scaled >> shift;
  const rest = scaled - (below << shift);
  const half = 1n << (shift - 1n);
  const up = rest > half || (rest === half && (below & 1n) === 1n);
  const rounded = Number(`${below + (up ? 1n : 0n)}e-8`);
  return x < 0 ? -rounded : rounded;
}

/** The dictionary as JSON. */
export function referenceJson(values: ReferenceValues): string {
  return [...referenceJsonParts(values)].join("");
}

/** The dictionary as JSON in parts, for results longer than a string can be. */
export function* referenceJsonParts(values: ReferenceValues): Generator<string> {
  const { scales, zeroPoints, quantized, dequantized, shape, mse, maxError } = values;
  yield `{"scales": [${Array.from(scales, roundTo8).join(", ")}], `;
  if (zeroPoints !== undefined) yield `"zero_points": [${Array.from(zeroPoints).join(", ")}], `;
  yield `"quantized": `;
  yield* nestedArrays(quantized, shape);
  yield `, "dequantized": `;
  yield* nestedArrays(dequantized, shape);
  yield `, "mse": ${roundTo8(mse)}, "max_error": ${roundTo8(maxError)}}\n`;
}

/** Arrays nested according to the shape, as JSON, with a part for each row of the last dimension. */
export function* nestedArrays(values: ReferenceValues["quantized" | "dequantized"], shape: readonly number[]) {
  // The number of elements in an array at each depth below the outermost, e.g. [12, 4] for shape [2, 3, 4].
  const sizes = shape
    .map((_, depth) => shape.slice(depth).reduce((product, dimension) => product * dimension, 1))
    .slice(1);
  const row = sizes.at(-1) ?? values.length;
  if (shape.length > 0) yield "[";
  for (let start = 0; start < values.length; start += row) {
    const end = start + row;
    const opened = sizes.filter((size) => start % size === 0).length;
    const closed = sizes.filter((size) => end % size === 0).length;
    yield `${start === 0 ? "" : ", "}${"[".repeat(opened)}${values.subarray(start, end).join(", ")}${"]".repeat(closed)}`;
  }
  if (shape.length > 0) yield "]";
}
