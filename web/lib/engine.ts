import type { CodeArray, FloatArray } from "./arguments.js";
import { figuresLength, readChannels } from "./figures.js";
import type { Bindings } from "./glue.js";
import { type Block, cutPlan, type Layout, type Panel, type Part } from "./plan.js";
import type { Bits, ChannelErrors } from "./types.js";

/** One instance of the module: its kernels, and the fixed buffers through which everything passes. */
export function createEngine(bindings: Bindings) {
  return {
    bindings,
    Float32Array: {
      weights: bindings.weightsFloat32(),
      dequantized: bindings.dequantizedFloat32(),
      largest: bindings.largestFloat32(),
      scales: bindings.scalesFloat32(),
    },
    Float64Array: {
      weights: bindings.weightsFloat64(),
      dequantized: bindings.dequantizedFloat64(),
      largest: bindings.largestFloat64(),
      scales: bindings.scalesFloat64(),
    },
    Int8Array: bindings.quantizedInt8(),
    Int16Array: bindings.quantizedInt16(),
    blockFigures: bindings.blockFigures(),
    channelFigures: bindings.channelFigures(),
    totalFigures: bindings.totalFigures(),
  };
}

export type Engine = ReturnType<typeof createEngine>;

/** The engine behind what `load` gave, for those who stream through it. */
export const engines = new WeakMap<object, Engine>();

/** Cuts a layout to what the engine's buffers hold. */
export function cutFor(engine: Engine, layout: Layout, float64: boolean): Part {
  return cutPlan(layout, floatsOf(engine, float64).weights.length, engine.channelFigures.length / figuresLength);
}

function floatsOf(engine: Engine, float64: boolean) {
  return engine[float64 ? "Float64Array" : "Float32Array"];
}

function codesOf(engine: Engine, wide: boolean): CodeArray {
  return engine[wide ? "Int16Array" : "Int8Array"];
}

/** An array, and where the rows of a part lie in it. */
export interface Rows<A extends FloatArray | CodeArray> {
  readonly array: A;
  readonly offset: number;
  readonly stride: number;
}

/** Rows one after the other. */
export function joinedRows<A extends FloatArray | CodeArray>(array: A, { channels, inner }: Layout): Rows<A> {
  return { array, offset: 0, stride: channels * inner };
}

export interface QuantizeJob {
  readonly float64: boolean;
  readonly part: Part;
  readonly bits: Bits;
  /** What error figures are made of, as in Bindings.quantize. */
  readonly figuresOf: FiguresOf;
  readonly weights: Rows<FloatArray>;
  readonly quantized: Rows<CodeArray>;
  readonly dequantized: Rows<FloatArray> | undefined;
  readonly scales: FloatArray;
  readonly perChannel: ChannelErrors | undefined;
}

/** 0: of nothing. 1: of all weights. 2: of every channel. (FiguresOf of cpp/core/kernels.h.) */
export type FiguresOf = 0 | 1 | 2;

/** Quantizes all of a panel and adds its error figures to the total. False if a channel holds NaN or an infinity. */
export function quantizePanel(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): boolean {
  const { float64, part, bits, figuresOf, weights, scales, perChannel } = job;
  const { bindings } = engine;
  const floats = floatsOf(engine, float64);
  const measured = figuresOf === 2 ? channels : 1;
  bindings.open(channels, measured);
  for (const block of blocks) {
    stage(weights, block, floats.weights);
    bindings.ranges(float64, block.outer, channels, block.inner);
  }
  if (!bindings.scales(float64, channels, bits)) return false;
  scales.set(floats.scales.subarray(0, channels), scale);
  for (const block of blocks) {
    if (blocks.length > 1) stage(weights, block, floats.weights);
    quantizeStaged(engine, job, block);
  }
  bindings.close(measured);
  if (perChannel) readChannels(engine.channelFigures, channels, part.outer * part.inner, perChannel, scale);
  return true;
}

function quantizeStaged(engine: Engine, job: QuantizeJob, block: Block): void {
  const { float64, bits, figuresOf, quantized, dequantized } = job;
  const { outer, channels, inner } = block;
  engine.bindings.quantize(float64, outer, channels, inner, bits, dequantized !== undefined, figuresOf);
  unstage(codesOf(engine, bits > 8), block, quantized);
  if (dequantized) unstage(floatsOf(engine, float64).dequantized, block, dequantized);
}

/** The largest |weight| of a panel's channels so far as its blocks here tell. The array is the engine's own. */
export function rangesOfPanel(
  engine: Engine,
  { float64, weights }: Pick<QuantizeJob, "float64" | "weights">,
  { channels, blocks }: Panel,
): FloatArray {
  const floats = floatsOf(engine, float64);
  engine.bindings.open(channels, 0);
  for (const block of blocks) {
    stage(weights, block, floats.weights);
    engine.bindings.ranges(float64, block.outer, channels, block.inner);
  }
  return floats.largest.subarray(0, channels);
}

/** Makes scales of the largest |weight| of channels, in their place. False if one is NaN or infinite. */
export function toScales(engine: Engine, state: FloatArray, float64: boolean, bits: Bits): boolean {
  const { largest, scales } = floatsOf(engine, float64);
  for (let first = 0; first < state.length; first += scales.length) {
    const some = state.subarray(first, first + scales.length);
    largest.set(some);
    if (!engine.bindings.scales(float64, some.length, bits)) return false;
    some.set(scales.subarray(0, some.length));
  }
  return true;
}

/** Quantizes blocks of a panel with the scales that it has; gives the error figures of each block. */
export function quantizeBlocks(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): Float64Array[] {
  const { float64, figuresOf, weights, scales } = job;
  const floats = floatsOf(engine, float64);
  const measured = figuresOf === 2 ? channels : figuresOf;
  floats.scales.set(scales.subarray(scale, scale + channels));
  return blocks.map((block) => {
    stage(weights, block, floats.weights);
    quantizeStaged(engine, job, block);
    return engine.blockFigures.slice(0, measured * figuresLength);
  });
}

export interface DequantizeJob {
  readonly float64: boolean;
  readonly quantized: Rows<CodeArray>;
  readonly scales: FloatArray;
  readonly dequantized: Rows<FloatArray>;
}

export function dequantizePanel(engine: Engine, job: DequantizeJob, { scale, channels, blocks }: Panel): void {
  const { float64, quantized, scales, dequantized } = job;
  const floats = floatsOf(engine, float64);
  const wide = quantized.array.BYTES_PER_ELEMENT === 2;
  floats.scales.set(scales.subarray(scale, scale + channels));
  for (const block of blocks) {
    stage(quantized, block, codesOf(engine, wide));
    engine.bindings.dequantize(float64, wide, block.outer, channels, block.inner);
    unstage(floats.dequantized, block, dequantized);
  }
}

/** Copies a block's rows into the staging buffer, one after the other. */
function stage<A extends FloatArray | CodeArray>({ array, offset, stride }: Rows<A>, block: Block, staging: A): void {
  const width = block.channels * block.inner;
  const at = offset + block.row * stride + block.column;
  if (width === stride) {
    staging.set(array.subarray(at, at + block.outer * width));
    return;
  }
  for (let o = 0; o < block.outer; o++) {
    const start = at + o * stride;
    staging.set(array.subarray(start, start + width), o * width);
  }
}

/** Copies a block's rows out of the staging buffer. */
function unstage<A extends FloatArray | CodeArray>(staging: A, block: Block, { array, offset, stride }: Rows<A>): void {
  const width = block.channels * block.inner;
  const at = offset + block.row * stride + block.column;
  if (width === stride) {
    array.set(staging.subarray(0, block.outer * width), at);
    return;
  }
  for (let o = 0; o < block.outer; o++) array.set(staging.subarray(o * width, (o + 1) * width), at + o * stride);
}
