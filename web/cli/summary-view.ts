import type { TensorSummary } from "channelwise/files";
import { bytes, counted, decibels, magnitude, shapeText } from "./format.js";
import { type Column, tableLines } from "./table.js";

/** A tensor that was measured. */
export interface MeasuredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bits: number;
  readonly sqnr: number;
  readonly maxError: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** On a terminal no more than this many: the best are of no interest. */
const MOST_ROWS = 12;
/** Narrower than this, names need the room of the shapes. */
const WIDTH_WITH_SHAPES = 100;

const columns: readonly Column[] = [
  { title: "tensor, worst first", flexible: true },
  { title: "shape" },
  { title: "bits", number: true },
  { title: "SQNR", number: true },
  { title: "max error", number: true },
  { title: "before", number: true },
  { title: "after", number: true },
];

/** The tensors that suffered most, worst first; all of them where the width has no end. */
export function summaryLines(tensors: readonly MeasuredTensor[], width: number): string[] {
  const sorted = worstFirst(tensors);
  const shown = width === Infinity ? sorted : sorted.slice(0, MOST_ROWS);
  const withShapes = (_: unknown, i: number) => i !== 1 || width >= WIDTH_WITH_SHAPES;
  const rows = shown.map(({ name, shape, bits, sqnr, maxError, bytesBefore, bytesAfter }) =>
    [
      name,
      shapeText(shape),
      String(bits),
      decibels(sqnr),
      magnitude(maxError),
      bytes(bytesBefore),
      bytes(bytesAfter),
    ].filter(withShapes),
  );
  const lines = tableLines(columns.filter(withShapes), rows, width);
  const rest = sorted.slice(shown.length);
  if (rest.length > 0) {
    const range = `${decibels(rest[0].sqnr)} to ${decibels(rest[rest.length - 1].sqnr)}`;
    lines.push(`and ${counted(rest.length, "more tensor")}, ${range}; all are listed in a pipe`);
  }
  return lines;
}

/** By SQNR, and where that is the same in the order given. */
export function worstFirst<T extends { readonly sqnr: number }>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => (a.sqnr === b.sqnr ? 0 : a.sqnr - b.sqnr));
}

export function isQuantized(tensor: TensorSummary): tensor is Extract<TensorSummary, { quantize: true }> {
  return tensor.quantize;
}
