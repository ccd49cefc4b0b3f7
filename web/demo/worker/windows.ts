import { indicesOf, matrixOf, type Window } from "../matrix.js";
import type { Cells, ChannelOrder, ScaleRows, Table } from "../protocol.js";
import { inOrder } from "./channels.js";
import { axisNames, indexName, type Quantization } from "./quantization.js";

/** The cells of a table in a window. */
export function cellsIn({ tensor, settings, weights, result }: Quantization, table: Table, window: Window): Cells {
  const { columns, rowShape, columnShape } = matrixOf(tensor.shape, settings.axis);
  const cell: Record<Table, (index: number) => number> = {
    quantized: (index) => result.quantized[index],
    dequantized: (index) => result.dequantized[index],
    errors: (index) => weights[index] - result.dequantized[index],
    weights: (index) => weights[index],
  };
  const values = Float64Array.from({ length: window.rows * window.columns }, (_, i) => {
    const row = window.row + Math.floor(i / window.columns);
    return cell[table](row * columns + window.column + (i % window.columns));
  });
  const [rowNames, columnNames] = [axisNames(tensor, 0), axisNames(tensor, 1)];
  return {
    values,
    rowNames: range(window.row, window.rows, (row) => indexName(rowNames, rowShape, row)),
    columnNames: range(window.column, window.columns, (column) => indexName(columnNames, columnShape, column)),
  };
}

/** Some scales, with the error figures of the weights that share them. */
export function scaleRows(
  quantization: Quantization,
  { first, count, order }: { first: number; count: number; order: ChannelOrder },
): ScaleRows {
  const { result, settings, sqnr } = quantization;
  const { scales, perChannel } = result;
  const places = inOrder(order, perChannel.sqnr, scales).subarray(first, first + count);
  const part = (values: Float32Array | Float64Array) => Float64Array.from(places, (place) => values[place]);
  return {
    names: Array.from(places, (place) => scaleName(quantization, place)),
    scales: part(scales),
    zeroPoints: result.zeroPoints && Float64Array.from(places, (place) => Number(result.zeroPoints?.[place])),
    mse: part(perChannel.mse),
    maxError: part(perChannel.maxError),
    sqnr: part(perChannel.sqnr),
    perTensorSqnr: settings.granularity === "channel" ? part(sqnr.tensor) : undefined,
  };
}

/** The name for the weights that share a scale: a channel, a group by its index among the groups, or all weights. */
export function scaleName({ tensor, settings, result }: Quantization, index: number): string {
  if (settings.granularity === "tensor") return "all";
  if (settings.granularity === "channel") return axisNames(tensor, settings.axis)?.[index] ?? String(index);
  return indicesOf(index, result.scaleShape).join(", ");
}

function range<T>(first: number, count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(first + i));
}
