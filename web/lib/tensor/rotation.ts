import type { FloatArray } from "../core/arguments.js";

/**
 * Rotates each `group` neighbours, in place: they are multiplied by the matrix of ConvRot, the Kronecker power of
 *
 *     1  1  1 -1
 *     1  1 -1  1
 *     1 -1  1  1
 *    -1  1  1  1
 *
 * divided by the root of `group`, which is a power of 4. The matrix is its own inverse, so a second rotation undoes the
 * first but for rounding. It is computed in float64 and rounded once to the type of the values.
 */
export function rotate(values: FloatArray, group: number): void {
  const some = new Float64Array(group);
  for (let at = 0; at + group <= values.length; at += group) {
    some.set(values.subarray(at, at + group));
    for (let stride = 1; stride < group; stride *= 4) rotateBy(some, stride);
    values.set(some, at);
  }
}

/** Multiplies each four numbers that are `stride` apart by half of the matrix. */
function rotateBy(some: Float64Array, stride: number): void {
  for (let i = 0; i < some.length; i++) {
    if (Math.floor(i / stride) % 4 !== 0) continue;
    const a = some[i] as number;
    const b = some[i + stride] as number;
    const c = some[i + 2 * stride] as number;
    const d = some[i + 3 * stride] as number;
    const half = (a + b + c + d) / 2;
    some[i] = half - d;
    some[i + stride] = half - c;
    some[i + 2 * stride] = half - b;
    some[i + 3 * stride] = half - a;
  }
}

/** Whether neighbours can be rotated in groups of this size. */
export const isRotation = (group: unknown): group is number =>
  typeof group === "number" && group >= 4 && group <= 65536 && Number.isInteger(Math.log2(group) / 2);
