import type { Granularity } from "../../../core/types.js";
import type { Weight } from "../weights.js";
import { type FormWay, since, type Wish } from "./form.js";

// Shares scales among weights, and finds the bits that codes take, where nodes turn codes into the weight itself.

export interface Layout {
  readonly quantizedShape: readonly number[];
  readonly granularity: Granularity;
  readonly notes: readonly string[];
}

export function layoutOf(weight: Weight, { axis, granularity }: Wish): Layout {
  if (typeof granularity === "object") return groupedLayout(weight, axis, granularity.group);
  return { quantizedShape: weight.shape, granularity, notes: [] };
}

/** Groups run along what a channel sums over: for axis 0 that is everything after it, as in Conv. */
function groupedLayout(weight: Weight, axis: number, wanted: number): Layout {
  const { shape } = weight;
  const joined = axis === 0 ? [shape[0] as number, shape.slice(1).reduce((a, b) => a * b, 1)] : shape;
  const ofOperator = axis === weight.axis ? weight.along : undefined;
  const along = axis === 0 ? 1 : (ofOperator ?? axis - 1);
  const summed = joined[along] as number;
  // The group has to divide the sum, and must not be much smaller than wanted: there would be almost as many scales as
  // codes.
  let group = Math.min(wanted, summed);
  while (summed % group !== 0) group--;
  if (group < wanted / 2 && group < summed) {
    const note = `no groups of about ${wanted} divide the ${summed} weights a channel sums over: one scale per channel`;
    return { quantizedShape: shape, granularity: "channel", notes: [note] };
  }
  const notes =
    group === wanted
      ? []
      : [`groups of ${group}, since ${wanted} does not divide the ${summed} weights a channel sums over`];
  return { quantizedShape: joined, granularity: { group, along }, notes };
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
