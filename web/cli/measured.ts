import { bytes, counted, decibels, magnitude, shapeText } from "./format.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** A tensor and how far its codes are from its weights. */
export interface MeasuredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bits?: number;
  readonly sqnr: number;
  readonly maxError: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** A terminal gets no more rows than this: the best tensors are of no interest. */
const MOST_ROWS = 12;
/** In a narrower terminal, names need the room that shapes would take. */
const WIDTH_WITH_SHAPES = 100;

interface MeasuredColumn extends Column {
  readonly cell: (tensor: MeasuredTensor) => string;
}

const shapeColumn: MeasuredColumn = { title: "shape", cell: ({ shape }) => shapeText(shape) };
const bitsColumn: MeasuredColumn = { title: "bits", number: true, cell: ({ bits }) => String(bits) };

/** Shows the tensors that suffered most, worst first; all of them where it is no terminal. */
export function showMeasured(stream: Stream, tensors: readonly MeasuredTensor[]): void {
  if (tensors.length === 0) return;
  const width = widthOf(stream);
  const sorted = worstFirst(tensors);
  const shown = width === Infinity ? sorted : sorted.slice(0, MOST_ROWS);
  const columns: MeasuredColumn[] = [
    { title: "tensor, worst first", shorten: "middle", cell: ({ name }) => name },
    ...(width >= WIDTH_WITH_SHAPES ? [shapeColumn] : []),
    ...(tensors.some(({ bits }) => bits !== undefined) ? [bitsColumn] : []),
    { title: "SQNR", number: true, cell: ({ sqnr }) => decibels(sqnr) },
    { title: "max error", number: true, cell: ({ maxError }) => magnitude(maxError) },
    { title: "before", number: true, cell: ({ bytesBefore }) => bytes(bytesBefore) },
    { title: "after", number: true, cell: ({ bytesAfter }) => bytes(bytesAfter) },
  ];
  const rows = shown.map((tensor) => columns.map(({ cell }) => cell(tensor)));
  const [titles, ...lines] = tableLines(columns, rows, width);
  stream.write(`${styled(stream, "dim", titles)}\n${lines.join("\n")}\n`);
  const rest = sorted.slice(shown.length);
  if (rest.length > 0) {
    const range = `${decibels(rest[0].sqnr)} to ${decibels(rest[rest.length - 1].sqnr)}`;
    const more = `and ${counted(rest.length, "more tensor")}, ${range}; a pipe gets all of them`;
    stream.write(`${styled(stream, "dim", more)}\n`);
  }
  stream.write("\n");
}

/** "SQNR 31.20 dB at worst, 44.10 dB at the median" */
export function sqnrText(tensors: readonly MeasuredTensor[]): string {
  const sorted = worstFirst(tensors);
  return `SQNR ${decibels(sorted[0].sqnr)} at worst, ${decibels(sorted[sorted.length >> 1].sqnr)} at the median`;
}

/** Sorts by SQNR; tensors with the same SQNR stay in order. */
export function worstFirst<T extends { readonly sqnr: number }>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => (a.sqnr === b.sqnr ? 0 : a.sqnr - b.sqnr));
}
