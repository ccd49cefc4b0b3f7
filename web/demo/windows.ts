import type { Cells, ScaleRows, Table, Window } from "./protocol.js";
import { axisNames, indicesOf, type Quantization } from "./quantization.js";

/** The cells of a table that a window shows. */
export function cellsIn({ tensor, weights, result }: Quantization, table: Table, window: Window): Cells {
  const leading = tensor.shape.slice(0, -1);
  const width = tensor.shape.at(-1) as number;
  const cell: Record<Table, (index: number) => number> = {
    quantized: (index) => result.quantized[index],
    dequantized: (index) => result.dequantized[index],
    errors: (index) => weights[index] - result.dequantized[index],
    weights: (index) => weights[index],
  };
  const values = Float64Array.from({ length: window.rows * window.columns }, (_, i) => {
    const row = window.row + Math.floor(i / window.columns);
    return cell[table](row * width + window.column + (i % window.columns));
  });
  const rowNames = axisNames(tensor, 0);
  const columnNames = axisNames(tensor, 1);
  return {
    values,
    rowNames: range(window.row, window.rows, (row) => rowNames?.[row] ?? (indicesOf(row, leading).join(", ") || "0")),
    columnNames: range(window.column, window.columns, (column) => columnNames?.[column] ?? String(column)),
  };
}

/** Some scales with the error figures of what shares them. */
export function scaleRows(quantization: Quantization, first: number, count: number): ScaleRows {
  const { result, settings, perTensorSqnr } = quantization;
  const { scales, perChannel } = result;
  const part = (values: Float32Array | Float64Array) => Float64Array.from(values.subarray(first, first + count));
  return {
    names: range(first, count, (index) => scaleName(quantization, index)),
    scales: part(scales),
    mse: part(perChannel.mse),
    maxError: part(perChannel.maxError),
    sqnr: part(perChannel.sqnr),
    perTensorSqnr: settings.granularity === "channel" ? part(perTensorSqnr) : undefined,
  };
}

/** What shares a scale: a channel, a group by its place among the groups, or all weights. */
export function scaleName({ tensor, settings, result }: Quantization, index: number): string {
  if (settings.granularity === "tensor") return "all";
  if (settings.granularity === "channel") return axisNames(tensor, settings.axis)?.[index] ?? String(index);
  return indicesOf(index, result.scaleShape).join(", ");
}

function range<T>(first: number, count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(first + i));
}
