import type { CodeArray, FloatArray, WeightArray } from "./arguments.js";
import { isShared } from "./arrays.js";
import { changedError } from "./errors.js";
import { figuresLength, readChannels } from "./figures.js";
import type { Bindings } from "./glue.js";
import { nodeModule } from "./node-module.js";
import { type Block, cutPlan, type Layout, type Panel, type Part } from "./plan.js";
import type { Bits, ChannelErrors } from "./types.js";
import { type Dtype, dtypeNumber } from "./weights.js";

/** Bytes of a block of weights, and the channels of a panel: as in cpp/bindings.cpp. */
const blockBytes = 2 ** 19;
const panelLimit = 4096;

/**
 * Bytes from a multiple of 64 to where large arrays of Node begin on Linux: malloc puts its header before them. x86
 * copies a block almost twice as fast where both sides lie alike to 32 bytes (`rep movsb`: 64 MB out in 3.7 instead of
 * 6.9 ms). Pages have their arrays at multiples of 64.
 */
const nodeShift = 16;

/** A buffer in the wasm memory, which never moves. */
class Buffer<A extends FloatArray | CodeArray> {
  readonly all: A;
  #start: A;

  constructor(all: A) {
    this.all = all;
    this.#start = all;
  }

  /** Its first elements. The view is kept for the next time: blocks and panels are mostly alike. */
  start(count: number): A {
    if (this.#start.length !== count) this.#start = this.all.subarray(0, count) as A;
    return this.#start;
  }
}

type ArrayType<A> = new (buffer: ArrayBuffer, at: number, length: number) => A;

/** The bytes of a view as elements of another type and size. */
function as<A>(type: ArrayType<A>, size: number, { buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): A {
  return new type(buffer, byteOffset, byteLength / size);
}

/** One instance of the module: its kernels, and the buffers through which everything passes. */
export function createEngine(bindings: Bindings) {
  if (nodeModule("node:os")?.platform() === "linux") bindings.shiftOutputs(nodeShift);
  const weights = bindings.weights();
  const quantized = bindings.quantized();
  const dequantized = bindings.dequantized();
  const state = bindings.state();
  let end = 0;
  const next = (doubles: number) => {
    end += doubles;
    return state.subarray(end - doubles, end);
  };
  // The state's parts, in the order of Memory in cpp/bindings.cpp.
  const largest = next(panelLimit);
  const scales = next(panelLimit);
  const blockFigures = next(panelLimit * figuresLength);
  const channelFigures = next(panelLimit * figuresLength);
  const totalFigures = next(figuresLength);
  const floats = <A extends FloatArray>(type: ArrayType<A>, size: number) => ({
    weights: as(type, size, weights),
    dequantized: new Buffer(as(type, size, dequantized)),
    largest: as(type, size, largest),
    scales: new Buffer(as(type, size, scales)),
  });
  return {
    bindings,
    float32: floats(Float32Array, 4),
    float64: floats(Float64Array, 8),
    int8: new Buffer(quantized),
    int16: new Buffer(as(Int16Array, 2, quantized)),
    halves: as(Uint16Array, 2, quantized),
    blockFigures,
    channelFigures,
    totalFigures,
  };
}

export type Engine = ReturnType<typeof createEngine>;

/** The engine behind what `load` gave, for those who stream through it. */
export const engines = new WeakMap<object, Engine>();

/** Cuts a layout to what the engine's buffers hold. */
export function cutFor(layout: Layout, float64: boolean): Part {
  return cutPlan(layout, blockBytes / (float64 ? 8 : 4), panelLimit);
}

function floatsOf(engine: Engine, float64: boolean): Engine["float32"] | Engine["float64"] {
  return float64 ? engine.float64 : engine.float32;
}

function codesOf(engine: Engine, wide: boolean): Buffer<Int8Array> | Buffer<Int16Array> {
  return wide ? engine.int16 : engine.int8;
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

/**
 * Quantizes all of a panel and adds its error figures to the total. False if a channel holds NaN or an infinity.
 *
 * @throws where another thread has changed the weights between their two passes: codes belong to what gave the scales.
 */
export function quantizePanel(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): boolean {
  const { dtype, part, bits, figuresOf, weights, dequantized, scales, perChannel } = job;
  const { bindings, channelFigures } = engine;
  const float64 = dtype === "float64";
  if (blocks.length === 1) {
    const block = blocks[0] as Block;
    stageWeights(engine, job, block);
    const { outer, inner } = block;
    const finite = bindings.quantizePanel(dtypeNumber[dtype], outer, channels, inner, bits, !!dequantized, figuresOf);
    if (!finite) return false;
    unstage(engine, job, block);
  } else {
    const measured = figuresOf === 2 ? channels : 1;
    findRanges(engine, job, channels, blocks);
    if (!bindings.scales(float64, channels, bits)) return false;
    channelFigures.fill(0, 0, measured * figuresLength);
    if (isShared(weights.array.buffer)) {
      const ranges = floatsOf(engine, float64).largest.subarray(0, channels);
      const before = ranges.slice();
      ranges.fill(0);
      for (const block of blocks) quantizeBlock(engine, job, block, true);
      if (!ranges.every((largest, c) => largest === before[c])) throw changedError();
    } else {
      for (const block of blocks) quantizeBlock(engine, job, block, false);
    }
    bindings.close(measured);
  }
  scales.set(floatsOf(engine, float64).scales.start(channels), scale);
  if (perChannel) readChannels(channelFigures, channels, part.outer * part.inner, perChannel, scale);
  return true;
}

function findRanges(engine: Engine, job: WeightRows, channels: number, blocks: readonly Block[]): void {
  floatsOf(engine, job.dtype === "float64").largest.fill(0, 0, channels);
  for (const block of blocks) {
    stageWeights(engine, job, block);
    engine.bindings.ranges(dtypeNumber[job.dtype], block.outer, channels, block.inner);
  }
}

/** @param ranging whether it also raises the largest |weight| of the channels to what the block has */
function quantizeBlock(engine: Engine, job: QuantizeJob, block: Block, ranging: boolean): void {
  const { dtype, bits, figuresOf, dequantized } = job;
  const { outer, channels, inner } = block;
  stageWeights(engine, job, block);
  if (ranging) engine.bindings.ranges(dtypeNumber[dtype], outer, channels, inner);
  engine.bindings.quantize(dtypeNumber[dtype], outer, channels, inner, bits, !!dequantized, figuresOf);
  unstage(engine, job, block);
}

/** The largest |weight| of a panel's channels so far as its blocks here tell. The array is the engine's own. */
export function rangesOfPanel(engine: Engine, job: WeightRows, { channels, blocks }: Panel): FloatArray {
  findRanges(engine, job, channels, blocks);
  return floatsOf(engine, job.dtype === "float64").largest.subarray(0, channels);
}

/** Makes scales of the largest |weight| of channels, in their place. False if one is NaN or infinite. */
export function toScales(engine: Engine, state: FloatArray, float64: boolean, bits: Bits): boolean {
  const { largest, scales } = floatsOf(engine, float64);
  for (let first = 0; first < state.length; first += panelLimit) {
    const some = state.subarray(first, first + panelLimit);
    largest.set(some);
    if (!engine.bindings.scales(float64, some.length, bits)) return false;
    some.set(scales.start(some.length));
  }
  return true;
}

/**
 * Quantizes blocks of a panel with the scales that it has. It gives the error figures of each block, and the largest
 * |weight| of the panel's channels so far as its blocks here tell, in an array of the engine's own.
 */
export function quantizeBlocks(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel) {
  const { dtype, figuresOf, scales } = job;
  const measured = figuresOf === 2 ? channels : figuresOf;
  const floats = floatsOf(engine, dtype === "float64");
  const largest: FloatArray = floats.largest.subarray(0, channels).fill(0);
  floats.scales.all.set(scales.subarray(scale, scale + channels));
  const figures = blocks.map((block) => {
    quantizeBlock(engine, job, block, true);
    return engine.blockFigures.slice(0, measured * figuresLength);
  });
  return { figures, largest };
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
  floats.scales.all.set(scales.subarray(scale, scale + channels));
  for (const block of blocks) {
    copyIn(quantized, block, codesOf(engine, wide).all);
    engine.bindings.dequantize(float64, wide, block.outer, channels, block.inner);
    copyOut(floats.dequantized, block, dequantized);
  }
}

function stageWeights(engine: Engine, { dtype, weights }: WeightRows, block: Block): void {
  const isFloat = dtype === "float32" || dtype === "float64";
  copyIn(weights, block, isFloat ? engine[dtype].weights : engine.halves);
}

function unstage(engine: Engine, { dtype, bits, quantized, dequantized }: QuantizeJob, block: Block): void {
  copyOut(codesOf(engine, bits > 8), block, quantized);
  if (dequantized) copyOut(floatsOf(engine, dtype === "float64").dequantized, block, dequantized);
}

/** Copies a block's rows into a buffer, one after the other. */
function copyIn<A extends WeightArray | CodeArray>({ array, offset, stride }: Rows<A>, block: Block, buffer: A): void {
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
function copyOut(
  buffer: Buffer<FloatArray | CodeArray>,
  block: Block,
  { array, offset, stride }: Rows<FloatArray | CodeArray>,
): void {
  const width = block.channels * block.inner;
  const at = offset + block.row * stride + block.column;
  if (width === stride) {
    array.set(buffer.start(block.outer * width), at);
    return;
  }
  for (let o = 0; o < block.outer; o++) array.set(buffer.all.subarray(o * width, (o + 1) * width), at + o * stride);
}
