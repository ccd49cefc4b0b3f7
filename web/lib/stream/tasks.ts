import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import { isShared } from "../core/arrays.js";
import { type Part, panelsOf } from "../core/cut.js";
import {
  type AnyCodes,
  dequantizePanel,
  type Engine,
  type FiguresOf,
  type GivenScales,
  joinedRows,
  type QuantizeJob,
  quantizeBlocks,
  quantizePanel,
  type Rows,
  rangeLength,
  rangesOfPanel,
} from "../core/engine.js";
import { newArray, newChannelErrors } from "../core/outputs.js";
import { type Packing, packedLength } from "../core/packing.js";
import { codeKind, type Scheme } from "../core/scheme.js";
import type { ChannelErrors } from "../core/types.js";
import { arrayKinds, type Dtype } from "../core/weights.js";
import { type FileRows, readRows, scratchArray, writeRows } from "./file-rows.js";

// What an engine is asked to do with some of a tensor, as messages to a worker. Rows lie in arrays of the whole tensor
// over a SharedArrayBuffer, which are worked on in place, in arrays of their own, which are handed over, or in files.

/** Asks for the range of every channel. */
export interface RangesTask extends TaskWeights {
  readonly kind: "ranges";
  readonly scheme: Scheme;
}

/** What a task works on. */
export interface TaskWeights {
  readonly dtype: Dtype;
  readonly part: Part;
  readonly weights: Rows<WeightArray> | FileRows;
}

export interface RangesDone {
  readonly ranges: FloatArray;
  /** The task's array, which its sender may use again. */
  readonly used: WeightArray | undefined;
}

export interface QuantizeTask extends TaskWeights {
  readonly kind: "quantize";
  readonly scheme: Scheme;
  readonly figuresOf: FiguresOf;
  /** They are given where the part has not all weights of its channels; otherwise they are found. */
  readonly scales?: GivenScales;
  readonly dequantize: boolean;
  /** What is filled in place. */
  readonly quantized?: Rows<AnyCodes> | CodesFile | undefined;
  readonly dequantized?: Rows<FloatArray> | undefined;
}

/** Where codes are written: as they are, or packed, in rows of whole bytes. */
export interface CodesFile extends FileRows {
  readonly packing: Packing | undefined;
}

export interface QuantizeDone {
  /** False where a channel holds NaN or an infinity; the rest is of no use then. */
  readonly finite: boolean;
  /** The part's rows, one after the other, unless they were filled in place or written. */
  readonly quantized: CodeArray | undefined;
  readonly dequantized: FloatArray | undefined;
  readonly scales: FloatArray;
  /** Error figures of every panel; where scales were given, of every block, or of every channel of every block. */
  readonly figures: Float64Array;
  /** The scales, where they were not given. */
  readonly perChannel: ChannelErrors | undefined;
  /** Where scales were given: the range of every channel, which tells whether it is that of the scales. */
  readonly ranges?: FloatArray | undefined;
  /** The task's array, which its sender may use again. */
  readonly used: WeightArray | undefined;
}

export interface DequantizeTask {
  readonly kind: "dequantize";
  readonly float64: boolean;
  readonly part: Part;
  readonly quantized: Rows<AnyCodes>;
  readonly scales: FloatArray;
  /** What is filled in place. */
  readonly dequantized?: Rows<FloatArray> | undefined;
}

export interface DequantizeDone {
  /** The part's rows, one after the other, unless they were filled in place. */
  readonly dequantized: FloatArray | undefined;
  /** The task's array, which its sender may use again. */
  readonly used: AnyCodes;
}

export type Task = RangesTask | QuantizeTask | DequantizeTask;

export type Done<T extends Task> = T extends RangesTask
  ? RangesDone
  : T extends QuantizeTask
    ? QuantizeDone
    : DequantizeDone;

export type AnyDone = RangesDone | QuantizeDone | DequantizeDone;

export function perform<T extends Task>(engine: Engine, task: T): Done<T>;
export function perform(engine: Engine, task: Task): AnyDone {
  if (task.kind === "dequantize") return dequantize(engine, task);
  const weights = weightsOf(task);
  const used = "array" in task.weights ? task.weights.array : undefined;
  if (task.kind === "ranges") return { ...findRanges(engine, task, weights), used };
  const { scales } = task;
  return { ...(scales ? quantizeWith(engine, task, weights, scales) : quantizeWhole(engine, task, weights)), used };
}

/** The weights of a task in memory. */
function weightsOf({ weights, dtype, part }: TaskWeights): Rows<WeightArray> {
  if ("array" in weights) return weights;
  const array: WeightArray = scratchArray("weights", arrayKinds[dtype], sizeOf(part));
  readRows(weights, array);
  return joinedRows(array, part);
}

/** The buffers of a task that its sender gives away: those that are not shared. */
export function buffersOfTask(task: Task): ArrayBuffer[] {
  const { weights, quantized, dequantized } = task as Partial<QuantizeTask>;
  return unsharedBuffers(
    [weights, quantized, dequantized].map((rows) => (rows && "array" in rows ? rows.array : undefined)),
  );
}

/** The buffers of an answer. */
export function buffersOfDone(done: AnyDone): ArrayBuffer[] {
  const { used, ranges, quantized, dequantized, scales, figures, perChannel } = done as Partial<
    RangesDone & QuantizeDone
  >;
  return unsharedBuffers([used, ranges, quantized, dequantized, scales, figures, ...Object.values(perChannel ?? {})]);
}

function unsharedBuffers(arrays: readonly (ArrayBufferView | undefined)[]): ArrayBuffer[] {
  return arrays.map((array) => array?.buffer).filter((buffer): buffer is ArrayBuffer => !!buffer && !isShared(buffer));
}

const newFloats = (float64: boolean, length: number) => newArray(float64 ? "Float64Array" : "Float32Array", length);

const sizeOf = ({ pieces, outer, channels, inner }: Part) => pieces * outer * channels * inner;

function findRanges(engine: Engine, { dtype, part, scheme }: RangesTask, weights: Rows<WeightArray>) {
  const length = rangeLength(engine, dtype, scheme);
  const ranges: FloatArray = newFloats(dtype === "float64", length * part.channels);
  for (const panel of panelsOf(part)) {
    ranges.set(rangesOfPanel(engine, { dtype, weights, scheme }, panel), length * panel.scale);
  }
  return { ranges };
}

/** The job of a task, the arrays that it makes for it, and what brings codes to their file, if they have one. */
function prepare(
  task: QuantizeTask,
  weights: Rows<WeightArray>,
  scales: FloatArray,
  perChannel: ChannelErrors | undefined,
) {
  const { dtype, part, scheme } = task;
  const kind = codeKind(scheme);
  const file = task.quantized && "path" in task.quantized ? task.quantized : undefined;
  const rows = task.quantized && "array" in task.quantized ? task.quantized : undefined;
  const forFile = file && codesForFile(file, kind, sizeOf(part));
  const quantized: CodeArray | undefined = task.quantized ? undefined : newArray(kind, sizeOf(part));
  const dequantized = task.dequantize && !task.dequantized ? newFloats(dtype === "float64", sizeOf(part)) : undefined;
  const job: QuantizeJob = {
    ...{ dtype, part, scheme, figuresOf: task.figuresOf, weights },
    quantized: rows ?? joinedRows((forFile ?? quantized) as AnyCodes, part, file?.packing),
    dequantized: task.dequantized ?? (dequantized && joinedRows<FloatArray>(dequantized, part)),
    scales,
    perChannel,
  };
  const write = () => {
    if (file && forFile) writeRows(file, forFile);
  };
  return { job, quantized, dequantized, write };
}

function codesForFile({ packing }: CodesFile, kind: "Int8Array" | "Int16Array", count: number): AnyCodes {
  if (packing) return scratchArray("codes", "Uint8Array", packedLength(count, packing.bits));
  return scratchArray("codes", kind, count);
}

function quantizeWhole(engine: Engine, task: QuantizeTask, weights: Rows<WeightArray>) {
  const { part, dtype, figuresOf } = task;
  const { figuresLength } = engine.places;
  const scales = newFloats(dtype === "float64", part.pieces * part.channels);
  const perChannel = figuresOf === "channels" ? newChannelErrors(scales.length) : undefined;
  const { job, quantized, dequantized, write } = prepare(task, weights, scales, perChannel);
  const figures = new Float64Array(part.pieces * Math.ceil(part.channels / part.panelChannels) * figuresLength);
  let finite = true;
  let at = 0;
  for (const panel of panelsOf(part)) {
    engine.totalFigures.fill(0);
    finite &&= quantizePanel(engine, job, panel);
    figures.set(engine.totalFigures, at);
    at += figuresLength;
  }
  if (finite) write();
  return { finite, quantized, dequantized, scales, figures, perChannel };
}

function quantizeWith(engine: Engine, task: QuantizeTask, weights: Rows<WeightArray>, scales: GivenScales) {
  const { job, quantized, dequantized, write } = prepare(task, weights, scales.values, undefined);
  const length = rangeLength(engine, task.dtype, task.scheme);
  const ranges = newFloats(task.dtype === "float64", length * scales.values.length);
  const blocks: Float64Array[] = [];
  for (const panel of panelsOf(task.part)) {
    const done = quantizeBlocks(engine, job, scales, panel);
    for (const figures of done.figures) blocks.push(figures);
    ranges.set(done.ranges, length * panel.scale);
  }
  const figures = new Float64Array(blocks.reduce((length, each) => length + each.length, 0));
  let at = 0;
  for (const each of blocks) {
    figures.set(each, at);
    at += each.length;
  }
  write();
  return { finite: true, quantized, dequantized, scales: scales.values, figures, perChannel: undefined, ranges };
}

function dequantize(engine: Engine, task: DequantizeTask): DequantizeDone {
  const { float64, part } = task;
  const dequantized = task.dequantized ? undefined : newFloats(float64, sizeOf(part));
  const job = { ...task, dequantized: task.dequantized ?? joinedRows<FloatArray>(dequantized as FloatArray, part) };
  for (const panel of panelsOf(part)) dequantizePanel(engine, job, panel);
  return { dequantized, used: task.quantized.array };
}
