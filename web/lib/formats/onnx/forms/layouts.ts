import type { Granularity } from "../../../core/types.js";
import type { Weight } from "../weights.js";
import { type FormWay, since, type Wish } from "./form.js";

// Shares scales among weights, and finds the bits that codes take, where nodes turn codes into the weight itself.

export interface Layout {
  readonly quantizedShape: readonly number[];
  /** The same without the zeros that fill up the last groups, if there are any. */
  readonly storedShape: readonly number[] | undefined;
  readonly granularity: Granularity;
  readonly notes: readonly string[];
}

export function layoutOf(weight: Weight, { axis, granularity }: Wish): Layout {
  if (typeof granularity === "object") return groupedLayout(weight, axis, granularity.group);
  return { quantizedShape: weight.shape, storedShape: undefined, granularity, notes: [] };
}

/**
 * Groups run along what a channel sums over: for axis 0 that is everything after it, as in Conv. The last group of a row
 * is shorter where groups do not divide the row.
 */
function groupedLayout(weight: Weight, axis: number, wanted: number): Layout {
  const { shape } = weight;
  const joined = axis === 0 ? [shape[0] as number, shape.slice(1).reduce((a, b) => a * b, 1)] : shape;
  const ofOperator = axis === weight.axis ? weight.along : undefined;
  const along = axis === 0 ? 1 : (ofOperator ?? axis - 1);
  const summed = joined[along] as number;
  const group = Math.min(wanted, summed);
  const filled = Math.ceil(summed / group) * group;
  return {
    quantizedShape: joined.map((dimension, i) => (i === along ? filled : dimension)),
    storedShape: filled === summed ? undefined : joined,
    granularity: { group, along },
    notes: groupNotes(wanted, summed),
  };
}

/** A note where groups do not divide the weights that a channel sums over. */
export function groupNotes(wanted: number, summed: number): readonly string[] {
  if (summed < wanted) return [`groups of ${summed}, which is all that a channel sums over`];
  const left = summed % wanted;
  return left === 0 ? [] : [`the last of the groups of ${wanted} has ${left}, since a channel sums over ${summed}`];
}

/** The bits of a code in the smallest type of the opset that holds it. */
export function storedBitsOf({ bits, opset }: Wish): FormWay["storedBits"] {
  if (bits === 2 && opset >= since.int2) return 2;
  if (bits <= 4 && opset >= since.int4) return 4;
  return bits <= 8 ? 8 : 16;
}

/** A note where codes take more bits in the file than they have, with the reason. */
export function storageNotes({ bits, opset }: Wish, storedBits: number): readonly string[] {
  if (storedBits === bits) return [];
  const takes = `a code takes ${storedBits} bits in the file`;
  const firstToPack = (packed: number, first: number) =>
    `${takes}: opset ${first} is the first to pack ${packed}, and this is ${opset}`;
  if (bits <= 4 && opset < since.int4) return [firstToPack(4, since.int4)];
  if (bits === 2 && opset < since.int2) return [firstToPack(2, since.int2)];
  return [`${takes}: ONNX has no type of ${bits} bits`];
}
