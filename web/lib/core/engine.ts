import type { CodeArray, FloatArray, WeightArray } from "./arguments.js";
import { isShared } from "./arrays.js";
import { type Block, cutExtents, type Panel, type Part } from "./cut.js";
import type { Dtype } from "./dtype.js";
import { changedError } from "./errors.js";
import type { Extents } from "./extents.js";
import { placesOf, readChannels } from "./figures.js";
import type { Bindings } from "./glue.js";
import { nodeModule } from "./node-module.js";
import { type Packing, packStaged, unpackStaged } from "./packing.js";
import { type Scheme, schemeNumbers } from "./scheme.js";
import type { ChannelErrors } from "./types.js";

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
  const shift = nodeModule("node:os")?.platform() === "linux" ? nodeShift : 0;
  bindings.shiftOutputs(shift);
  const weights = bindings.weights();
  const quantized = bindings.quantized();
  const dequantized = bindings.dequantized();
  const ranges = bindings.ranges();
  const scales = bindings.scales();
  const channelFigures = bindings.channelFigures();
  const places = placesOf(bindings);
  const floats = <A extends FloatArray>(type: ArrayType<A>, size: number) => ({
    weights: as(type, size, weights),
    dequantized: new Buffer(as(type, size, dequantized)),
    ranges: as(type, size, ranges),
    scales: new Buffer(as(type, size, scales)),
  });
  return {
    bindings,
    float32: floats(Float32Array, 4),
    float64: floats(Float64Array, 8),
    int8: new Buffer(quantized),
    int16: new Buffer(as(Int16Array, 2, quantized)),
    halves: as(Uint16Array, 2, quantized),
    packed: new Uint8Array(weights.buffer, weights.byteOffset + shift, quantized.byteLength),
    blockFigures: bindings.blockFigures(),
    channelFigures,
    totalFigures: bindings.totalFigures(),
    places,
    /** The most channels that a panel can have. */
    panelLimit: channelFigures.length / places.figuresLength,
  };
}

export type Engine = ReturnType<typeof createEngine>;

/** The engine behind what `load` gave, for those who stream through it. */
export const engines = new WeakMap<object, Engine>();

/** Cuts a tensor to what the engine's buffers hold. */
export function cutFor(engine: Engine, extents: Extents, float64: boolean): Part {
  return cutExtents(extents, floatsOf(engine, float64).weights.length, engine.panelLimit);
}

/** The buffers for weights of a type. */
export function floatsOf(engine: Engine, float64: boolean): Engine["float32"] | Engine["float64"] {
  return float64 ? engine.float64 : engine.float32;
}

function codesOf(engine: Engine, wide: boolean): Buffer<Int8Array> | Buffer<Int16Array> {
  return wide ? engine.int16 : engine.int8;
}

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

export interface QuantizeJob extends WeightRows {
  readonly part: Part;
  readonly scheme: Scheme;
  readonly figuresOf: FiguresOf;
  readonly quantized: Rows<AnyCodes>;
  readonly dequantized: Rows<FloatArray> | undefined;
  readonly scales: FloatArray;
  readonly perChannel: ChannelErrors | undefined;
}

/** What error figures are made of. */
export type FiguresOf = "nothing" | "all" | "channels";

/** One scale per channel, known before the weights are quantized: finite, of either sign, not zero. */
export interface GivenScales {
  readonly values: FloatArray;
  /** Whether they are known to cover the weights, so that no code needs clamping (covers() of cpp/core/rule.h). */
  readonly cover: boolean;
}

/** Says what the calls of the kernels that follow are about. */
function prepare({ bindings }: Engine, { dtype, scheme, figuresOf = "nothing", dequantized }: Preparation): void {
  bindings.prepare(bindings[dtype], bindings[figuresOf], !!dequantized, ...schemeNumbers(bindings, scheme));
}

type Preparation = Pick<QuantizeJob, "dtype" | "scheme"> & Partial<Pick<QuantizeJob, "figuresOf" | "dequantized">>;

/**
 * Quantizes all of a panel and adds its error figures to the total. False if a channel holds NaN or an infinity.
 *
 * @throws where another thread has changed the weights between their two passes: codes belong to what gave the scales.
 */
export function quantizePanel(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): boolean {
  const { dtype, part, figuresOf, weights, scales, perChannel } = job;
  const { bindings, channelFigures, places } = engine;
  prepare(engine, job);
  if (blocks.length === 1) {
    const block = blocks[0] as Block;
    stageWeights(engine, job, block);
    if (!bindings.quantizePanel(block.outer, channels, block.inner)) return false;
    unstage(engine, job, block);
  } else {
    const measured = figuresOf === "channels" ? channels : 1;
    findRanges(engine, job, channels, blocks);
    if (!bindings.makeScales(channels)) return false;
    const cover = bindings.scalesCover();
    channelFigures.fill(0, 0, measured * places.figuresLength);
    if (isShared(weights.array.buffer)) {
      const ranges = rangesIn(engine, dtype, channels);
      const before = ranges.slice();
      ranges.fill(0);
      for (const block of blocks) quantizeBlock(engine, job, block, cover, true);
      if (!ranges.every((range, i) => range === before[i])) throw changedError();
    } else {
      for (const block of blocks) quantizeBlock(engine, job, block, cover, false);
    }
    bindings.close(measured);
  }
  scales.set(floatsOf(engine, dtype === "float64").scales.start(channels), scale);
  if (perChannel) readChannels(places, channelFigures, channels, part.outer * part.inner, perChannel, scale);
  return true;
}

/** The ranges of a panel's channels, in the engine's own memory. */
function rangesIn(engine: Engine, dtype: Dtype, channels: number): FloatArray {
  const { ranges } = floatsOf(engine, dtype === "float64");
  return ranges.subarray(0, engine.bindings.rangeLength() * channels);
}

function findRanges(engine: Engine, job: WeightRows, channels: number, blocks: readonly Block[]): void {
  rangesIn(engine, job.dtype, channels).fill(0);
  for (const block of blocks) {
    stageWeights(engine, job, block);
    engine.bindings.findRanges(block.outer, channels, block.inner);
  }
}

/**
 * @param cover whether scales are known to cover the weights
 * @param ranging whether the ranges of the channels are raised to what the block has
 */
function quantizeBlock(engine: Engine, job: QuantizeJob, block: Block, cover: boolean, ranging: boolean): void {
  const { bindings } = engine;
  stageWeights(engine, job, block);
  if (ranging) bindings.findRanges(block.outer, block.channels, block.inner);
  bindings.quantize(block.outer, block.channels, block.inner, cover);
  unstage(engine, job, block);
}

/** How many numbers the range of a channel has. */
export function rangeLength(engine: Engine, dtype: Dtype, scheme: Scheme): number {
  prepare(engine, { dtype, scheme });
  return engine.bindings.rangeLength();
}

/** The ranges of a panel's channels so far as its blocks here tell. The array is the engine's own. */
export function rangesOfPanel(
  engine: Engine,
  job: WeightRows & { readonly scheme: Scheme },
  { channels, blocks }: Panel,
): FloatArray {
  prepare(engine, { dtype: job.dtype, scheme: job.scheme });
  findRanges(engine, job, channels, blocks);
  return rangesIn(engine, job.dtype, channels);
}

/** The scales of some channels by their ranges. Nothing if one holds NaN or an infinity. */
export function scalesOf(
  engine: Engine,
  ofChannels: FloatArray,
  dtype: Dtype,
  scheme: Scheme,
): GivenScales | undefined {
  const { bindings, panelLimit } = engine;
  const { ranges, scales } = floatsOf(engine, dtype === "float64");
  const length = rangeLength(engine, dtype, scheme);
  const values: FloatArray = ofChannels.slice(0, ofChannels.length / length);
  let cover = true;
  for (let first = 0; first < values.length; first += panelLimit) {
    const some = values.subarray(first, first + panelLimit);
    ranges.set(ofChannels.subarray(length * first, length * (first + some.length)));
    if (!bindings.makeScales(some.length)) return undefined;
    cover &&= bindings.scalesCover();
    some.set(scales.start(some.length));
  }
  return { values, cover };
}

/**
 * Quantizes blocks of a panel with scales that it is given. It gives the error figures of each block, and the ranges of the
 * panel's channels so far as its blocks here tell, in an array of the engine's own.
 */
export function quantizeBlocks(
  engine: Engine,
  job: QuantizeJob,
  { values, cover }: GivenScales,
  { scale, channels, blocks }: Panel,
) {
  const measured = { nothing: 0, all: 1, channels }[job.figuresOf];
  const floats = floatsOf(engine, job.dtype === "float64");
  prepare(engine, job);
  const ranges = rangesIn(engine, job.dtype, channels).fill(0);
  floats.scales.all.set(values.subarray(scale, scale + channels));
  const figures = blocks.map((block) => {
    quantizeBlock(engine, job, block, cover, true);
    return engine.blockFigures.slice(0, measured * engine.places.figuresLength);
  });
  return { figures, ranges };
}

export interface DequantizeJob {
  readonly float64: boolean;
  readonly quantized: Rows<AnyCodes>;
  readonly scales: FloatArray;
  readonly dequantized: Rows<FloatArray>;
}

export function dequantizePanel(engine: Engine, job: DequantizeJob, { scale, channels, blocks }: Panel): void {
  const { float64, quantized, scales, dequantized } = job;
  const floats = floatsOf(engine, float64);
  const wide = isWide(quantized);
  floats.scales.all.set(scales.subarray(scale, scale + channels));
  for (const block of blocks) {
    stageCodes(engine, quantized, block);
    engine.bindings.dequantize(float64, wide, block.outer, channels, block.inner);
    copyOut(floats.dequantized, block, dequantized);
  }
}

/** Whether codes are int16. */
export const isWide = ({ array }: Rows<AnyCodes>) => array.BYTES_PER_ELEMENT === 2;

function stageWeights(engine: Engine, { dtype, weights }: WeightRows, block: Block): void {
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

function unstage(engine: Engine, { dtype, quantized, dequantized }: QuantizeJob, block: Block): void {
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
function copyOut(
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
