import type { CodeArray, FloatArray, WeightArray } from "../arguments.js";
import type { Dtype } from "../dtype.js";
import { type Buffer, codesOf, type Engine, floatsOf } from "./buffers.js";
import type { Block } from "./cut.js";
import type { Extents } from "./extents.js";
import { type Packing, packStaged, unpackStaged } from "./packing.js";

/** An array, and where the rows of a part lie in it. */
export interface Rows<A extends WeightArray | AnyCodes> {
  readonly array: A;
  readonly offset: number;
  readonly stride: number;
  /** How a Uint8Array holds codes; offset and stride are counted in codes. */
  readonly packing?: Packing | undefined;
}

/** Codes in an array of their own type, or packed. */
export type AnyCodes = CodeArray | Uint8Array;

/** Rows one after the other. */
export function joinedRows<A extends WeightArray | AnyCodes>(
  array: A,
  { channels, inner }: Extents,
  packing?: Packing,
): Rows<A> {
  return { array, offset: 0, stride: channels * inner, packing };
}

export interface WeightRows {
  readonly dtype: Dtype;
  readonly weights: Rows<WeightArray>;
}

/** Where what is made of weights is wanted. */
export interface WantedRows {
  readonly dtype: Dtype;
  readonly quantized: Rows<AnyCodes>;
  readonly dequantized: Rows<FloatArray> | undefined;
}

/** Whether codes are int16. */
export const isWide = ({ array }: Rows<AnyCodes>) => array.BYTES_PER_ELEMENT === 2;

/** Copies the weights of a block to where the kernels take them. */
export function stageWeights(engine: Engine, { dtype, weights }: WeightRows, block: Block): void {
  const isFloat = dtype === "float32" || dtype === "float64";
  copyIn(weights, block, isFloat ? engine[dtype].weights : engine.halves);
}

/** Brings the codes of a block to where the kernels take them. */
export function stageCodes(engine: Engine, rows: Rows<AnyCodes>, block: Block): void {
  const { packing } = rows;
  if (packing) {
    eachStretch(block, rows, (at, start, count) =>
      unpackStaged(engine, packing, at, count, rows.array as Uint8Array, start * packing.bits),
    );
  } else copyIn(rows, block, codesOf(engine, isWide(rows)).all);
}

/** Brings what the kernels made of a block to where it is wanted. */
export function unstage(engine: Engine, { dtype, quantized, dequantized }: WantedRows, block: Block): void {
  const { packing } = quantized;
  if (packing) {
    eachStretch(block, quantized, (at, start, count) =>
      packStaged(engine, packing, at, count, quantized.array as Uint8Array, start * packing.bits),
    );
  } else copyOut(codesOf(engine, isWide(quantized)), block, quantized);
  if (dequantized) copyOut(floatsOf(engine, dtype === "float64").dequantized, block, dequantized);
}

/** Goes through what of a block lies together: `count` elements from `at` on in a buffer, and from `start` on in its rows. */
function eachStretch(
  { row, column, outer, channels, inner }: Block,
  { offset, stride }: Pick<Rows<AnyCodes>, "offset" | "stride">,
  use: (at: number, start: number, count: number) => void,
): void {
  const width = channels * inner;
  const start = offset + row * stride + column;
  if (width === stride) use(0, start, outer * width);
  else for (let o = 0; o < outer; o++) use(o * width, start + o * stride, width);
}

/** Copies a block's rows into a buffer, one after the other. */
export function copyIn(
  { array, offset, stride }: Rows<WeightArray | AnyCodes>,
  block: Block,
  buffer: WeightArray | AnyCodes,
): void {
  const width = block.channels * block.inner;
  const at = offset + block.row * stride + block.column;
  const count = block.outer * width;
  // What is missing would be left from the block before.
  if (array.length < at + (block.outer - 1) * stride + width)
    throw new Error("an array became shorter during the call");
  if (width === stride) {
    buffer.set(count === array.length ? array : array.subarray(at, at + count));
    return;
  }
  for (let o = 0; o < block.outer; o++) {
    const start = at + o * stride;
    buffer.set(array.subarray(start, start + width), o * width);
  }
}

/** Copies a block's rows out of a buffer. */
export function copyOut(
  buffer: Buffer<FloatArray | CodeArray>,
  block: Block,
  { array, offset, stride }: Rows<FloatArray | AnyCodes>,
): void {
  const width = block.channels * block.inner;
  const at = offset + block.row * stride + block.column;
  if (width === stride) {
    array.set(buffer.start(block.outer * width), at);
    return;
  }
  for (let o = 0; o < block.outer; o++) array.set(buffer.all.subarray(o * width, (o + 1) * width), at + o * stride);
}
