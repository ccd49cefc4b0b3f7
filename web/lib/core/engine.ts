import type { FloatArray } from "./arguments.js";
import { isShared } from "./arrays.js";
import type { Dtype } from "./dtype.js";
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
import { type Scheme, schemeNumbers } from "./scheme.js";
import type { ChannelErrors } from "./types.js";

export interface QuantizeJob extends WeightRows, WantedRows {
  readonly part: Part;
  readonly scheme: Scheme;
  readonly figuresOf: FiguresOf;
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
