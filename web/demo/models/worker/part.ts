import { product } from "../../matrix.js";

/** The shape of as many first rows of a tensor as have at most `most` elements; they lie at its start. */
export function firstPart(shape: readonly number[], most: number): number[] {
  const part = [...shape];
  for (let axis = 0; axis < part.length; axis++) {
    const inner = product(part.slice(axis + 1));
    part[axis] = Math.max(1, Math.min(part[axis], Math.floor(most / inner)));
    if (part[axis] > 1) break;
  }
  return part;
}
