import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import { arrayKinds, type Dtype } from "../core/dtype.js";
import {
  dequantizePanel,
  type GivenScales,
  type QuantizeJob,
  quantizeBlocks,
  quantizePanel,
  rangeLength,
  rangesOfPanel,
  sweepPanel,
} from "../core/engine.js";
import { type FloatRows, type MeasureJob, measureBlocks } from "../core/measure.js";
import type { Engine } from "../core/memory/buffers.js";
import { type Part, panelsOf } from "../core/memory/cut.js";
import { packedLength } from "../core/memory/packing.js";
import { type AnyCodes, joinedRows, type Rows } from "../core/memory/staging.js";
import { type ArrayKind, newArray, newChannelErrors } from "../core/outputs.js";
import { codeKind } from "../core/scheme.js";
import type { ChannelErrors } from "../core/types.js";
import { haveSameBytes } from "../io/same-bytes.js";
import { widenBfloat16, widenFloat16 } from "../tensor/floats.js";
import { coderOf, encodeWith } from "./encode.js";
import { type FileRows, readRows, type ScratchUse, scratchArray, writeRows } from "./file-rows.js";
import type {
  AnyDone,
  CodesFile,
  DequantizeDone,
  DequantizeTask,
  Done,
  EncodeTask,
  MeasureDone,
  MeasureTask,
  QuantizeTask,
  RangesTask,
  SweepTask,
  Task,
  TaskCodes,
  TaskFloats,
} from "./tasks.js";

/** Does with an engine what a task asks for. A task to encode waits for its module. */
export async function perform<T extends Task>(engine: Engine, task: T): Promise<Done<T>>;
export async function perform(engine: Engine, task: Task): Promise<AnyDone> {
  if (task.kind !== "encode") return performNow(engine, task);
  // Nothing is awaited while the memory of this worker is in use.
  const coder = await coderOf(task.encoding);
  const { array } = inMemory(task.weights, "weights", arrayKinds[task.dtype], task.part);
  return { ...encodeWith(coder, engine, task, array), used: ownArray(task.weights) };
}

function performNow(engine: Engine, task: Exclude<Task, EncodeTask>): AnyDone {
  if (task.kind === "dequantize") return dequantize(engine, task);
  if (task.kind === "measure") return measure(engine, task);
  const { part, dtype } = task;
  const weights = inMemory(task.weights, "weights", arrayKinds[dtype], part);
  const used = ownArray(task.weights);
  if (task.kind === "ranges") return { ...findRanges(engine, task, weights), used };
  if (task.kind === "sweep") return { ...sweep(engine, task, weights), used };
  const { scales } = task;
  return { ...(scales ? quantizeWith(engine, task, weights, scales) : quantizeWhole(engine, task, weights)), used };
}

/** Rows that a task reads, in memory. */
function inMemory<A extends WeightArray | AnyCodes>(
  rows: Rows<A> | FileRows,
  use: ScratchUse,
  kind: ArrayKind,
  part: Part,
): Rows<A> {
  if ("array" in rows) return rows;
  const array = scratchArray(use, kind, sizeOf(part)) as A;
  readRows(rows, array);
  return joinedRows(array, part);
}

/** The array that a task brought. */
const ownArray = <A extends WeightArray | AnyCodes>(rows: Rows<A> | FileRows): A | undefined =>
  "array" in rows ? rows.array : undefined;

const floatKind = (float64: boolean) => (float64 ? "Float64Array" : "Float32Array");

const newFloats = (float64: boolean, length: number) => newArray(floatKind(float64), length);

const sizeOf = ({ pieces, outer, channels, inner }: Part) => pieces * outer * channels * inner;

/** Figures one after the other. */
function joined(all: readonly Float64Array[]): Float64Array<ArrayBuffer> {
  const figures = new Float64Array(all.reduce((length, each) => length + each.length, 0));
  let at = 0;
  for (const each of all) {
    figures.set(each, at);
    at += each.length;
  }
  return figures;
}

function findRanges(engine: Engine, { dtype, part, scheme }: RangesTask, weights: Rows<WeightArray>) {
  const length = rangeLength(engine, dtype, scheme);
  const ranges: FloatArray = newFloats(dtype === "float64", length * part.channels);
  for (const panel of panelsOf(part)) {
    ranges.set(rangesOfPanel(engine, { dtype, weights, scheme }, panel), length * panel.scale);
  }
  return { ranges };
}

function sweep(engine: Engine, { dtype, part, scheme, sweep, searches }: SweepTask, weights: Rows<WeightArray>) {
  const { sweepSums } = engine.places;
  const sums = new Float64Array(sweepSums * part.channels);
  for (const panel of panelsOf(part)) {
    sums.set(sweepPanel(engine, { dtype, weights, scheme }, sweep, searches, panel), sweepSums * panel.scale);
  }
  return { sums };
}

/** The job of a task, the arrays that it makes for it, and what brings codes to their file, if they have one. */
function prepare(
  task: QuantizeTask,
  weights: Rows<WeightArray>,
  scales: FloatArray,
  zeroPoints: CodeArray | undefined,
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
    zeroPoints,
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
  const { part, dtype, scheme, figuresOf } = task;
  const { figuresLength } = engine.places;
  const scales = newFloats(dtype === "float64", part.pieces * part.channels);
  const zeroPoints = scheme.zeroPoints ? newArray(codeKind(scheme), scales.length) : undefined;
  const perChannel = figuresOf === "channels" ? newChannelErrors(scales.length) : undefined;
  const { job, quantized, dequantized, write } = prepare(task, weights, scales, zeroPoints, perChannel);
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
  return { finite, quantized, dequantized, scales, zeroPoints, figures, perChannel };
}

function quantizeWith(engine: Engine, task: QuantizeTask, weights: Rows<WeightArray>, scales: GivenScales) {
  const { values, zeroPoints } = scales;
  const { job, quantized, dequantized, write } = prepare(task, weights, values, zeroPoints, undefined);
  const length = rangeLength(engine, task.dtype, task.scheme);
  const ranges = newFloats(task.dtype === "float64", length * values.length);
  const blocks: Float64Array[] = [];
  for (const panel of panelsOf(task.part)) {
    const done = quantizeBlocks(engine, job, scales, panel);
    for (const figures of done.figures) blocks.push(figures);
    ranges.set(done.ranges, length * panel.scale);
  }
  const figures = joined(blocks);
  write();
  const made = { finite: true, quantized, dequantized, scales: values, zeroPoints, figures, perChannel: undefined };
  return { ...made, ranges };
}

function dequantize(engine: Engine, task: DequantizeTask): DequantizeDone {
  const { float64, part, scales, zeroPoints } = task;
  const file = task.dequantized && "path" in task.dequantized ? task.dequantized : undefined;
  const rows = task.dequantized && "array" in task.dequantized ? task.dequantized : undefined;
  const forFile = file && scratchArray("values", floatKind(float64), sizeOf(part));
  const dequantized = task.dequantized ? undefined : newFloats(float64, sizeOf(part));
  const job = {
    ...{ float64, scales, zeroPoints, quantized: codesOf(task, part) },
    dequantized: rows ?? joinedRows<FloatArray>((forFile ?? dequantized) as FloatArray, part),
  };
  for (const panel of panelsOf(part)) dequantizePanel(engine, job, panel);
  if (file && forFile) writeRows(file, forFile);
  return { dequantized, used: ownArray(task.quantized) };
}

function codesOf({ quantized, wide }: TaskCodes, part: Part): Rows<AnyCodes> {
  return inMemory(quantized, "codes", wide ? "Int16Array" : "Int8Array", part);
}

function measure(engine: Engine, { part, weights, values }: MeasureTask): MeasureDone {
  const float64 = isFloat64(weights) || isFloat64(values);
  const ofFloats = ({ dtype, floats }: TaskFloats, use: "weights" | "values"): FloatRows => {
    const rows = inMemory<WeightArray>(floats, use, arrayKinds[dtype], part);
    return float64 ? widened(dtype, rows) : { dtype, floats: rows };
  };
  const job: MeasureJob = {
    float64,
    weights: ofFloats(weights, "weights"),
    values:
      "floats" in values ? ofFloats(values, "values") : { quantized: codesOf(values, part), scales: values.scales },
  };
  const figures = joined([...panelsOf(part)].flatMap((panel) => measureBlocks(engine, job, panel)));
  const same =
    "floats" in values &&
    weights.dtype === values.dtype &&
    haveSameBytes(job.weights.floats.array, (job.values as FloatRows).floats.array);
  return {
    ...{ figures, same, used: ownArray(weights.floats) },
    usedValues: ownArray<WeightArray | AnyCodes>("floats" in values ? values.floats : values.quantized),
  };
}

function isFloat64(floats: TaskFloats | TaskCodes): boolean {
  return "floats" in floats ? floats.dtype === "float64" : floats.scales.BYTES_PER_ELEMENT === 8;
}

/** Halves as float32, for figures in float64. */
function widened(dtype: Dtype, { array, ...place }: Rows<WeightArray>): FloatRows {
  if (dtype === "float32" || dtype === "float64") return { dtype, floats: { array, ...place } };
  const floats = (dtype === "float16" ? widenFloat16 : widenBfloat16)(array as Uint16Array);
  return { dtype: "float32", floats: { array: floats, ...place } };
}
