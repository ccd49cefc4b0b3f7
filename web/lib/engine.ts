import type { CodeArray, FloatArray, WeightArray } from "./arguments.js";
import { figuresLength, readChannels } from "./figures.js";
import type { Bindings } from "./glue.js";
import { type Block, cutPlan, type Layout, type Panel, type Part } from "./plan.js";
import type { Bits, ChannelErrors } from "./types.js";
import type { Dtype } from "./weights.js";

/** One instance of the module: its kernels, and the fixed buffers through which everything passes. */
export function createEngine(bindings: Bindings) {
  const quantizedInt16 = bindings.quantizedInt16();
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
    Int16Array: quantizedInt16,
    /** Where the codes will be: halves are widened before there are any. */
    halves: new Uint16Array(quantizedInt16.buffer, quantizedInt16.byteOffset, quantizedInt16.length),
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
export interface Rows<A extends WeightArray | CodeArray> {
  readonly array: A;
  readonly offset: number;
  readonly stride: number;
}

/** Rows one after the other. */
export function joinedRows<A extends WeightArray | CodeArray>(array: A, { channels, inner }: Layout): Rows<A> {
  return { array, offset: 0, stride: channels * inner };
}

export interface WeightRows {
  readonly dtype: Dtype;
  readonly weights: Rows<WeightArray>;
}

export interface QuantizeJob extends WeightRows {
  readonly part: Part;
  readonly bits: Bits;
  readonly figuresOf: FiguresOf;
  readonly quantized: Rows<CodeArray>;
  readonly dequantized: Rows<FloatArray> | undefined;
  readonly scales: FloatArray;
  readonly perChannel: ChannelErrors | undefined;
}

/** 0: of nothing. 1: of all weights. 2: of every channel. (FiguresOf of cpp/core/kernels.h.) */
export type FiguresOf = 0 | 1 | 2;

/** Quantizes all of a panel and adds its error figures to the total. False if a channel holds NaN or an infinity. */
export function quantizePanel(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): boolean {
  const { dtype, part, bits, figuresOf, scales, perChannel } = job;
  const { bindings } = engine;
  const float64 = dtype === "float64";
  const floats = floatsOf(engine, float64);
  const measured = figuresOf === 2 ? channels : 1;
  bindings.open(channels, measured);
  for (const block of blocks) {
    stageWeights(engine, job, block);
    bindings.ranges(float64, block.outer, channels, block.inner);
  }
  if (!bindings.scales(float64, channels, bits)) return false;
  scales.set(floats.scales.subarray(0, channels), scale);
  for (const block of blocks) {
    if (blocks.length > 1) stageWeights(engine, job, block);
    quantizeStaged(engine, job, block);
  }
  bindings.close(measured);
  if (perChannel) readChannels(engine.channelFigures, channels, part.outer * part.inner, perChannel, scale);
  return true;
}

function quantizeStaged(engine: Engine, job: QuantizeJob, block: Block): void {
  const { dtype, bits, figuresOf, quantized, dequantized } = job;
  const { outer, channels, inner } = block;
  const float64 = dtype === "float64";
  engine.bindings.quantize(float64, outer, channels, inner, bits, dequantized !== undefined, figuresOf);
  unstage(codesOf(engine, bits > 8), block, quantized);
  if (dequantized) unstage(floatsOf(engine, float64).dequantized, block, dequantized);
}

/** The largest |weight| of a panel's channels so far as its blocks here tell. The array is the engine's own. */
export function rangesOfPanel(engine: Engine, rows: WeightRows, { channels, blocks }: Panel): FloatArray {
  const float64 = rows.dtype === "float64";
  engine.bindings.open(channels, 0);
  for (const block of blocks) {
    stageWeights(engine, rows, block);
    engine.bindings.ranges(float64, block.outer, channels, block.inner);
  }
  return floatsOf(engine, float64).largest.subarray(0, channels);
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
  const { dtype, figuresOf, scales } = job;
  const measured = figuresOf === 2 ? channels : figuresOf;
  floatsOf(engine, dtype === "float64").scales.set(scales.subarray(scale, scale + channels));
  return blocks.map((block) => {
    stageWeights(engine, job, block);
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

/** Copies a block of weights to where the kernels read them. */
function stageWeights(engine: Engine, { dtype, weights }: WeightRows, block: Block): void {
  if (dtype === "float32" || dtype === "float64") {
    stage(weights, block, floatsOf(engine, dtype === "float64").weights);
    return;
  }
  stage(weights, block, engine.halves);
  engine.bindings.widen(block.outer * block.channels * block.inner, dtype === "bfloat16");
}

/** Copies a block's rows into the staging buffer, one after the other. */
function stage<A extends WeightArray | CodeArray>({ array, offset, stride }: Rows<A>, block: Block, staging: A): void {
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
