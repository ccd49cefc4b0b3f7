import { bytes, counted, decibels, magnitude, shapeText } from "./format.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** A tensor and its error figures. */
export interface MeasuredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bits?: number;
  readonly sqnr: number;
  readonly maxError: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** A terminal gets no more rows than this, the worst ones. */
const MOST_ROWS = 12;
/** In a narrower terminal, names need the room of shapes. */
const WIDTH_WITH_SHAPES = 100;

interface MeasuredColumn extends Column {
  readonly cell: (tensor: MeasuredTensor) => string;
}

const shapeColumn: MeasuredColumn = { title: "shape", cell: ({ shape }) => shapeText(shape) };
const bitsColumn: MeasuredColumn = { title: "bits", number: true, cell: ({ bits }) => String(bits) };

/** Shows the tensors with the lowest SQNR, lowest first, or all of them outside of a terminal. */
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

/** A summary such as "SQNR 31.20 dB at worst, 44.10 dB at the median". */
export function sqnrText(tensors: readonly MeasuredTensor[]): string {
  const sorted = worstFirst(tensors);
  return `SQNR ${decibels(sorted[0].sqnr)} at worst, ${decibels(sorted[sorted.length >> 1].sqnr)} at the median`;
}

/** Sorts by SQNR. Tensors with the same SQNR stay in order. */
export function worstFirst<T extends { readonly sqnr: number }>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => (a.sqnr === b.sqnr ? 0 : a.sqnr - b.sqnr));
}
