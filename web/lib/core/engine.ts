import type { CodeArray, FloatArray } from "./arguments.js";
import { isShared } from "./arrays.js";
import { type Dtype, dtypeNumbers } from "./dtype.js";
import { changedError } from "./errors.js";
import { type Engine, floatsOf } from "./memory/buffers.js";
import type { Block, Panel, Part } from "./memory/cut.js";
import { readChannels } from "./memory/figures.js";
import {
  type AnyCodes,
  copyOut,
  isWide,
  type Rows,
  stageCodes,
  stageWeights,
  unstage,
  type WantedRows,
  type WeightRows,
} from "./memory/staging.js";
import { newArray } from "./outputs.js";
import { codeKind, type Scheme, schemeNumbers } from "./scheme.js";
import type { ChannelErrors } from "./types.js";

export interface QuantizeJob extends WeightRows, WantedRows {
  readonly part: Part;
  readonly scheme: Scheme;
  readonly figuresOf: FiguresOf;
  readonly scales: FloatArray;
  readonly zeroPoints: CodeArray | undefined;
  readonly perChannel: ChannelErrors | undefined;
}

/** What error figures are made of, in the order of FiguresOf of cpp/core/kernels.h. */
const figuresNames = ["nothing", "all", "channels"] as const;
export type FiguresOf = (typeof figuresNames)[number];

/** One scale per channel, known before the weights are quantized: finite, of either sign, not zero. */
export interface GivenScales {
  readonly values: FloatArray;
  /** Whether they are known to cover the weights, so that no code needs clamping (covers() of cpp/core/rule.h). */
  readonly cover: boolean;
  /** Their zero points, if the scheme has any. */
  readonly zeroPoints?: CodeArray | undefined;
}

/** Says what the calls of the kernels that follow are about. */
function prepare({ bindings }: Engine, { dtype, scheme, figuresOf = "nothing", dequantized }: Preparation): void {
  // Spread out, these would take longer than a row of weights.
  const [bits, scaleType, rule, zeroPoints] = schemeNumbers(scheme);
  const figures = figuresNames.indexOf(figuresOf);
  bindings.prepare(dtypeNumbers[dtype], figures, !!dequantized, bits, scaleType, rule, zeroPoints);
}

type Preparation = Pick<QuantizeJob, "dtype" | "scheme"> & Partial<Pick<QuantizeJob, "figuresOf" | "dequantized">>;

/**
 * Quantizes all of a panel and adds its error figures to the total. False if a channel holds NaN or an infinity.
 *
 * @throws where another thread has changed the weights between their two passes: codes belong to what gave the scales.
 */
export function quantizePanel(engine: Engine, job: QuantizeJob, { scale, channels, blocks }: Panel): boolean {
  const { dtype, part, figuresOf, weights, scales, zeroPoints, perChannel } = job;
  const floats = floatsOf(engine, dtype === "float64");
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
    for (let sweep = 0; sweep < bindings.sweeps(); sweep++) {
      sweepBlocks(engine, job, sweep, channels, blocks);
      bindings.judge(sweep, channels);
    }
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
  scales.set(floats.scales.start(channels), scale);
  zeroPoints?.set(floats.zeroPoints.start(channels), scale);
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

/** Gives what a sweep of searches adds up, in an array of the engine's own. */
function sweepBlocks(engine: Engine, job: WeightRows, sweep: number, channels: number, blocks: readonly Block[]) {
  const { bindings, float64, places } = engine;
  const sums = float64.dequantized.start(places.sweepSums * channels).fill(0);
  for (const block of blocks) {
    stageWeights(engine, job, block);
    bindings.sweep(sweep, block.outer, channels, block.inner);
  }
  return sums;
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

/** How many sweeps over the weights a search takes after that for the ranges; none without one. */
export function sweepsOf(engine: Engine, dtype: Dtype, scheme: Scheme): number {
  prepare(engine, { dtype, scheme });
  return engine.bindings.sweeps();
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

/** Scales, and what a search for better ones knows of the channels. */
export interface Scaled extends GivenScales {
  readonly searches: Float64Array;
}

/** The scales of some channels by their ranges. Nothing if one holds NaN or an infinity. */
export function scalesOf(engine: Engine, ofChannels: FloatArray, dtype: Dtype, scheme: Scheme): Scaled | undefined {
  const { bindings, panelLimit } = engine;
  const floats = floatsOf(engine, dtype === "float64");
  const { searchLength } = engine.places;
  const length = rangeLength(engine, dtype, scheme);
  const isSearched = bindings.sweeps() > 0;
  const values: FloatArray = ofChannels.slice(0, ofChannels.length / length);
  const searches = new Float64Array(isSearched ? searchLength * values.length : 0);
  const zeroPoints = scheme.zeroPoints ? newArray(codeKind(scheme), values.length) : undefined;
  let cover = true;
  for (let first = 0; first < values.length; first += panelLimit) {
    const some = values.subarray(first, first + panelLimit);
    floats.ranges.set(ofChannels.subarray(length * first, length * (first + some.length)));
    if (!bindings.makeScales(some.length)) return undefined;
    cover &&= bindings.scalesCover();
    some.set(floats.scales.start(some.length));
    zeroPoints?.set(floats.zeroPoints.start(some.length), first);
    if (isSearched) searches.set(engine.searches.subarray(0, searchLength * some.length), searchLength * first);
  }
  return { values, cover, searches, zeroPoints };
}

/**
 * What a sweep of searches adds up in the blocks of a panel that are here, in an array of the engine's own. Such sums are
 * exact: those of all blocks may be added in any order.
 */
export function sweepPanel(
  engine: Engine,
  job: WeightRows & { readonly scheme: Scheme },
  sweep: number,
  searches: Float64Array,
  { scale, channels, blocks }: Panel,
): FloatArray {
  const { searchLength } = engine.places;
  prepare(engine, job);
  engine.searches.set(searches.subarray(searchLength * scale, searchLength * (scale + channels)));
  return sweepBlocks(engine, job, sweep, channels, blocks);
}

/** Makes of the sums of a sweep what the next one begins with, and at last the scales. */
export function judgeSweep(
  engine: Engine,
  { values, searches }: Scaled,
  sweep: number,
  sums: Float64Array,
  dtype: Dtype,
  scheme: Scheme,
): void {
  const { bindings, float64, panelLimit } = engine;
  const floats = floatsOf(engine, dtype === "float64");
  const { searchLength, sweepSums } = engine.places;
  prepare(engine, { dtype, scheme });
  for (let first = 0; first < values.length; first += panelLimit) {
    const some = values.subarray(first, first + panelLimit);
    const known = searches.subarray(searchLength * first, searchLength * (first + some.length));
    engine.searches.set(known);
    float64.dequantized.all.set(sums.subarray(sweepSums * first, sweepSums * (first + some.length)));
    floats.scales.all.set(some);
    bindings.judge(sweep, some.length);
    known.set(engine.searches.subarray(0, known.length));
    some.set(floats.scales.start(some.length));
  }
}

/**
 * Quantizes blocks of a panel with scales that it is given. It gives the error figures of each block, and the ranges of the
 * panel's channels so far as its blocks here tell, in an array of the engine's own.
 */
export function quantizeBlocks(
  engine: Engine,
  job: QuantizeJob,
  { values, cover, zeroPoints }: GivenScales,
  { scale, channels, blocks }: Panel,
) {
  const measured = { nothing: 0, all: 1, channels }[job.figuresOf];
  const floats = floatsOf(engine, job.dtype === "float64");
  prepare(engine, job);
  const ranges = rangesIn(engine, job.dtype, channels).fill(0);
  floats.scales.all.set(values.subarray(scale, scale + channels));
  if (zeroPoints) floats.zeroPoints.all.set(zeroPoints.subarray(scale, scale + channels));
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
  readonly zeroPoints: CodeArray | undefined;
  readonly dequantized: Rows<FloatArray>;
}

export function dequantizePanel(engine: Engine, job: DequantizeJob, { scale, channels, blocks }: Panel): void {
  const { float64, quantized, scales, zeroPoints, dequantized } = job;
  const floats = floatsOf(engine, float64);
  const wide = isWide(quantized);
  floats.scales.all.set(scales.subarray(scale, scale + channels));
  if (zeroPoints) floats.zeroPoints.all.set(zeroPoints.subarray(scale, scale + channels));
  for (const block of blocks) {
    stageCodes(engine, quantized, block);
    engine.bindings.dequantize(float64, wide, !!zeroPoints, block.outer, channels, block.inner);
    copyOut(floats.dequantized, block, dequantized);
  }
}
