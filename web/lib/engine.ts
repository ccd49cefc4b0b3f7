import type { CodeArray, FloatArray } from "./arguments.js";
import { figuresLength, readFigures } from "./figures.js";
import type { Bindings } from "./glue.js";
import { channelErrorNames } from "./outputs.js";
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

/** Where the rows of a part lie in an array. */
export interface Rows {
  readonly offset: number;
  readonly stride: number;
}

export interface QuantizeJob {
  readonly float64: boolean;
  readonly part: Part;
  readonly bits: Bits;
  /** What error figures are made of, as in Bindings.quantize. */
  readonly figuresOf: 0 | 1 | 2;
  readonly weights: FloatArray;
  readonly weightRows: Rows;
  readonly quantized: CodeArray;
  readonly dequantized: FloatArray | undefined;
  /** Of quantized and dequantized. */
  readonly outputRows: Rows;
  readonly scales: FloatArray;
  readonly perChannel: ChannelErrors | undefined;
}

/** Quantizes all of a panel and adds its error figures to the total. False if a channel holds NaN or an infinity. */
export function quantizePanel(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): boolean {
  const { float64, part, bits, figuresOf, weights, weightRows, scales, perChannel } = job;
  const { bindings } = engine;
  const floats = floatsOf(engine, float64);
  const measured = figuresOf === 2 ? channels : 1;
  bindings.open(channels, measured);
  for (const block of blocks) {
    stage(weights, weightRows, block, floats.weights);
    bindings.ranges(float64, block.outer, channels, block.inner);
  }
  if (!bindings.scales(float64, channels, bits)) return false;
  scales.set(floats.scales.subarray(0, channels), scale);
  for (const block of blocks) {
    if (blocks.length > 1) stage(weights, weightRows, block, floats.weights);
    quantizeStaged(engine, job, block);
  }
  bindings.close(measured);
  if (!perChannel) return true;
  const count = part.outer * part.inner;
  for (let c = 0; c < channels; c++) {
    const figures = readFigures(engine.channelFigures, c * figuresLength, count);
    for (const name of channelErrorNames) perChannel[name][scale + c] = figures[name];
  }
  return true;
}

function quantizeStaged(engine: Engine, job: QuantizeJob, block: Block): void {
  const { float64, bits, figuresOf, quantized, dequantized, outputRows } = job;
  const { outer, channels, inner } = block;
  engine.bindings.quantize(float64, outer, channels, inner, bits, dequantized !== undefined, figuresOf);
  unstage(codesOf(engine, bits > 8), block, quantized, outputRows);
  if (dequantized) unstage(floatsOf(engine, float64).dequantized, block, dequantized, outputRows);
}

/** The largest |weight| of a panel's channels so far as its blocks here tell. The array is the engine's own. */
export function rangesOfPanel(
  engine: Engine,
  { float64, weights, weightRows }: Pick<QuantizeJob, "float64" | "weights" | "weightRows">,
  { channels, blocks }: Panel,
): FloatArray {
  const floats = floatsOf(engine, float64);
  engine.bindings.open(channels, 0);
  for (const block of blocks) {
    stage(weights, weightRows, block, floats.weights);
    engine.bindings.ranges(float64, block.outer, channels, block.inner);
  }
  return floats.largest.subarray(0, channels);
}

/** Scales of channels from their largest |weight|; undefined if one is NaN or infinite. */
export function scalesFrom(engine: Engine, largest: FloatArray, float64: boolean, bits: Bits): FloatArray | undefined {
  const floats = floatsOf(engine, float64);
  const scales = largest.slice();
  for (let first = 0; first < largest.length; first += floats.scales.length) {
    const some = largest.subarray(first, first + floats.scales.length);
    floats.largest.set(some);
    if (!engine.bindings.scales(float64, some.length, bits)) return undefined;
    scales.set(floats.scales.subarray(0, some.length), first);
  }
  return scales;
}

/** Quantizes blocks of a panel with the scales that it has; gives each block's error figures, in the engine's memory. */
export function* quantizeBlocks(engine: Engine, job: QuantizeJob, panel: Panel): Generator<Float64Array> {
  const { float64, figuresOf, weights, weightRows, scales } = job;
  const { scale, channels, blocks } = panel;
  const floats = floatsOf(engine, float64);
  floats.scales.set(scales.subarray(scale, scale + channels));
  const measured = figuresOf === 2 ? channels : figuresOf;
  for (const block of blocks) {
    stage(weights, weightRows, block, floats.weights);
    quantizeStaged(engine, job, block);
    yield engine.blockFigures.subarray(0, measured * figuresLength);
  }
}

export interface DequantizeJob {
  readonly float64: boolean;
  readonly wide: boolean;
  readonly quantized: CodeArray;
  readonly quantizedRows: Rows;
  readonly scales: FloatArray;
  readonly dequantized: FloatArray;
  readonly dequantizedRows: Rows;
}

export function dequantizePanel(engine: Engine, job: DequantizeJob, { scale, channels, blocks }: Panel): void {
  const { float64, wide, quantized, quantizedRows, scales, dequantized, dequantizedRows } = job;
  const floats = floatsOf(engine, float64);
  floats.scales.set(scales.subarray(scale, scale + channels));
  for (const block of blocks) {
    stage(quantized, quantizedRows, block, codesOf(engine, wide));
    engine.bindings.dequantize(float64, wide, block.outer, channels, block.inner);
    unstage(floats.dequantized, block, dequantized, dequantizedRows);
  }
}

/** Copies a block's rows into the staging buffer, one after the other. */
function stage<A extends FloatArray | CodeArray>(from: A, rows: Rows, block: Block, staging: A): void {
  const width = block.channels * block.inner;
  const at = rows.offset + block.row * rows.stride + block.column;
  if (width === rows.stride) {
    staging.set(from.subarray(at, at + block.outer * width));
    return;
  }
  for (let o = 0; o < block.outer; o++) {
    const start = at + o * rows.stride;
    staging.set(from.subarray(start, start + width), o * width);
  }
}

/** Copies a block's rows out of the staging buffer. */
function unstage<A extends FloatArray | CodeArray>(staging: A, block: Block, to: A, rows: Rows): void {
  const width = block.channels * block.inner;
  const at = rows.offset + block.row * rows.stride + block.column;
  if (width === rows.stride) {
    to.set(staging.subarray(0, block.outer * width), at);
    return;
  }
  for (let o = 0; o < block.outer; o++) {
    to.set(staging.subarray(o * width, (o + 1) * width), at + o * rows.stride);
  }
}
