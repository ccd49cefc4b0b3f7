import { shown } from "../../core/arguments.js";
import { extentsOf } from "../../core/extents.js";
import type { Scheme } from "../../core/scheme.js";
import type { Bits, Granularity } from "../../core/types.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import type { Settings, Way } from "../format.js";
import type { Weight, WeightDtype } from "./weights.js";

// How a weight is quantized and stored, by the operators that there are.

/** How the model gets from codes back to weights. */
export type Pattern = "DequantizeLinear" | "Cast, Mul" | "MatMulNBits";

export interface OnnxWay extends Way {
  readonly scheme: Scheme & { readonly scaleType: WeightDtype };
  readonly pattern: Pattern;
  readonly storedBits: 2 | 4 | 8 | 16;
}

/** A weight that is to be quantized, and how. */
export interface OnnxChoice extends OnnxWay {
  readonly weight: Weight;
}

/** What may be written. */
export interface OnnxTargetOptions {
  readonly opset: number;
  readonly matMulNBits: boolean;
}

/** Versions of ONNX's operators that brought what is written. */
const since = { axis: 13, float16: 19, int4: 21, int2: 25 } as const;

/** @throws {RangeError} for an axis that the weight does not have. */
export function wayOf(weight: Weight, settings: Settings, options: OnnxTargetOptions): OnnxWay {
  const way = chosenWay(weight, settings, options);
  const { codes, scales } = storedBytes(way);
  const notes = weight.isInput ? [...way.notes, "it is no longer an input of the graph"] : way.notes;
  return { ...way, notes, bytesAfter: codes + scales };
}

/** What codes and scales take in the file. */
export function storedBytes({
  quantizedShape,
  scheme: { axis, granularity, scaleType },
  storedBits,
}: Omit<OnnxWay, "bytesAfter">): { codes: number; scales: number } {
  const { pieces, channels } = extentsOf(quantizedShape, axis, granularity);
  const codes = Math.ceil((elementsOf(quantizedShape) * storedBits) / 8);
  return { codes, scales: bytesPerElement(scaleType) * pieces * channels };
}

function chosenWay(
  weight: Weight,
  settings: Settings,
  { opset, matMulNBits }: OnnxTargetOptions,
): Omit<OnnxWay, "bytesAfter"> {
  const bits = (settings.bits ?? 8) as Bits; // checked with the rules
  const channelAxis = checkWeightAxis(weight, settings.axis ?? weight.axis);
  const { granularity = "channel" } = settings;
  const group = typeof granularity === "object" ? granularity.group : undefined;
  if (group !== undefined && opset < since.int4 && matMulNBits && fitsMatMulNBits(weight, bits, channelAxis, group)) {
    const { quantizedShape, granularity, notes } = matMulNBitsLayout(weight, group);
    const scheme = { bits, axis: undefined, granularity, scaleType: weight.dtype };
    return { scheme, quantizedShape, notes, pattern: "MatMulNBits", storedBits: 4 };
  }
  const layout: Layout =
    typeof granularity === "object"
      ? groupedLayout(weight, channelAxis, granularity.group)
      : { quantizedShape: weight.shape, granularity, notes: [] };
  const storedBits = bits === 2 && opset >= since.int2 ? 2 : bits <= 4 && opset >= since.int4 ? 4 : bits <= 8 ? 8 : 16;
  const grouped = typeof layout.granularity === "object";
  const linear = opset >= (grouped || storedBits !== 8 ? since.int4 : since.axis) && !goesThroughBareTranspose(weight);
  return {
    scheme: {
      bits,
      axis: layout.granularity === "channel" ? channelAxis : undefined,
      granularity: layout.granularity,
      // What DequantizeLinear gives has the type of its scales; what Mul gives is not yet rounded to float16.
      scaleType: linear && opset >= since.float16 ? weight.dtype : "float32",
    },
    quantizedShape: layout.quantizedShape,
    pattern: linear ? "DequantizeLinear" : "Cast, Mul",
    storedBits,
    notes: storedBits > bits ? [...layout.notes, storageNote(opset, bits, storedBits)] : layout.notes,
  };
}

/** Why codes take more bits in the file than they have. */
function storageNote(opset: number, bits: Bits, storedBits: number): string {
  const takes = `a code takes ${storedBits} bits in the file`;
  const firstToPack = (packed: number, first: number) =>
    `${takes}: opset ${first} is the first to pack ${packed}, and this is ${opset}`;
  if (bits <= 4 && opset < since.int4) return firstToPack(4, since.int4);
  if (bits === 2) return firstToPack(2, since.int2);
  return `${takes}: ONNX has no type of ${bits} bits`;
}

/** ONNX Runtime 1.30 ends its process where DequantizeLinear comes before a Transpose without perm. */
function goesThroughBareTranspose({ place }: Weight): boolean {
  const moved = place.consumers.flatMap(({ via }) => via);
  return moved.some(({ operator, attributes }) => operator === "Transpose" && !attributes.has("perm"));
}

function checkWeightAxis({ name, shape }: Weight, axis: number): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new RangeError(`axis of ${name} is ${shown(axis)}; it must be an integer from ${-rank} to ${rank - 1}`);
  }
  return axis < 0 ? axis + rank : axis;
}

interface Layout {
  readonly quantizedShape: readonly number[];
  readonly granularity: Granularity;
  readonly notes: readonly string[];
}

/** Groups run along what a channel sums over: of axis 0 all that follows, as in Conv. */
function groupedLayout(weight: Weight, axis: number, wanted: number): Layout {
  const { shape } = weight;
  const joined = axis === 0 ? [shape[0] as number, shape.slice(1).reduce((a, b) => a * b, 1)] : shape;
  const ofOperator = axis === weight.axis ? weight.along : undefined;
  const along = axis === 0 ? 1 : (ofOperator ?? axis - 1);
  const summed = joined[along] as number;
  // One that divides them all, and not much smaller, or there would be hardly less scales than codes.
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

/** It takes groups along the first of two dimensions, whose size is a power of two from 16 up, of MatMul's second input. */
function fitsMatMulNBits({ place, shape }: Weight, bits: number, axis: number, group: number): boolean {
  if (bits !== 4 || shape.length !== 2 || axis !== 1 || group < 16 || (group & (group - 1)) !== 0) return false;
  return place.consumers.every(({ use, via }) => via.length === 0 && use.node.operator === "MatMul" && use.input === 1);
}

/** The last groups are filled up with zeros. */
function matMulNBitsLayout({ shape }: Weight, group: number): Layout {
  const [rows, columns] = shape as [number, number];
  return { quantizedShape: [Math.ceil(rows / group) * group, columns], granularity: { group, along: 0 }, notes: [] };
}
