import { checkNames, shown } from "../../core/arguments.js";
import type { TotalErrors } from "../../core/types.js";
import type { ByteSink, ByteSource } from "../../io/bytes.js";
import { isBelow } from "../../io/paths.js";
import { copyTensor } from "../../models/copy-tensor.js";
import { type Course, checkRunOptions, type RunOptions, runSteps, type Step, writing } from "../../models/run.js";
import { quantizeStream, type ResultSink, type WeightSource } from "../../stream/quantize-stream.js";
import { type AnyChannelwise, type Runner, runnerOf } from "../../stream/runner.js";
import { rounderTo } from "../../tensor/stored-scales.js";
import { codeSink, type WriteBytes } from "./codes.js";
import { type Later, lengthOf, totalLength } from "./file/splice.js";
import { tensorsOf } from "./file/tensors.js";
import { type Layout, layOut, type Task } from "./layout.js";
import type { OnnxChoice, OnnxPlan } from "./plan.js";
import type { Weight } from "./weights.js";

/** What the quantization of a weight costs: of one of float16, before what comes back is rounded to float16 again. */
export interface WeightErrors extends TotalErrors {
  readonly choice: OnnxChoice;
}

export interface WriteOnnxOptions extends RunOptions {
  /** The file for what does not go into the model: needed where the model had such a file, or takes more than 2 GB. */
  readonly external?: {
    /** Its path from the model's folder, as the model will name it. */
    readonly location: string;
    readonly sink: ByteSink;
  };
}

/** A protocol buffer can be no longer. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/**
 * Quantizes every weight of a plan and gives its errors, worst SQNR first. Writes nothing.
 *
 * @param channelwise what a `load` gave: with that of "channelwise/parallel" all its workers take part.
 * @throws {NonFiniteError} for NaN or an infinity among the weights.
 * @throws {StoppedError} where reading fails, or the signal ends the run; its `cause` says why.
 */
export async function measureOnnx(
  channelwise: AnyChannelwise,
  { choices }: OnnxPlan,
  options: RunOptions = {},
): Promise<WeightErrors[]> {
  checkRunOptions(options);
  const runner = runnerOf(channelwise);
  const steps = choices.map((choice) => ({
    ...stepOf(choice),
    run: (course: Course) => quantize(runner, choice, { quantized() {}, scales() {} }, course),
  }));
  return worstFirst(await runSteps(steps, options));
}

/**
 * Writes the quantized model and gives the errors of every weight, worst SQNR first. The files are complete and closed when
 * the promise resolves; otherwise their sinks are aborted. Memory does not grow with the model, but for the weights of
 * MatMulNBits, whose codes are held one weight at a time.
 *
 * @param channelwise what a `load` gave: with that of "channelwise/parallel" all its workers take part.
 * @throws {TypeError | RangeError} for wrong arguments, before anything is written.
 * @throws {NonFiniteError} for NaN or an infinity among the weights.
 * @throws {StoppedError} where reading or writing fails, or the signal ends the run; its `cause` says why.
 */
export async function writeOnnx(
  channelwise: AnyChannelwise,
  plan: OnnxPlan,
  sink: ByteSink,
  options: WriteOnnxOptions = {},
): Promise<WeightErrors[]> {
  // The model is closed last: it names the other file.
  return writing(sink, async () => {
    const { external, ...runOptions } = options;
    checkRunOptions(runOptions);
    if (external !== undefined) checkExternal(external);
    const write = async () => {
      const layout = layOutWithin(plan, external?.location);
      return writeLayout(runnerOf(channelwise), plan, layout, sink, options);
    };
    return external ? writing(external.sink, write) : write();
  });
}

function checkExternal(external: NonNullable<WriteOnnxOptions["external"]>): void {
  checkNames("external", external, ["location", "sink"]);
  if (typeof external.location !== "string" || !isBelow(external.location)) {
    throw new TypeError(`external.location is ${shown(external.location)}; it must be a path below the model's folder`);
  }
  if (typeof external.sink?.write !== "function") {
    throw new TypeError(`external.sink must be a ByteSink, not ${shown(external.sink)}`);
  }
}

/**
 * The bytes of the files that `writeOnnx` writes, together.
 *
 * @param location of `external`, where that is given.
 */
export function onnxBytes(plan: OnnxPlan, location?: string): number {
  const { parts, external } = layOutFor(plan, location);
  const last = external.at(-1);
  return totalLength(parts) + (last ? last.offset + last.length : 0);
}

/** With external data where the model had some, or where it would be too long without. */
function layOutFor(plan: OnnxPlan, location: string | undefined): Layout {
  const layout = layOut(plan, location ?? "", false);
  if (location === undefined || totalLength(layout.parts) <= MAX_MODEL_BYTES) return layout;
  return layOut(plan, location, true);
}

function layOutWithin(plan: OnnxPlan, location: string | undefined): Layout {
  const hasExternal = [...tensorsOf(plan.model.content.proto)].some((tensor) => tensor.external !== undefined);
  if (hasExternal && location === undefined) {
    throw new TypeError("external is needed: the model has data in a file beside it, and so will what is written");
  }
  const layout = layOutFor(plan, location);
  const length = totalLength(layout.parts);
  if (length <= MAX_MODEL_BYTES) return layout;
  const advice =
    location === undefined ? "give external, a file beside it" : "give a model whose data are in such a file";
  throw new RangeError(`the model takes ${length} bytes, and a model file at most ${MAX_MODEL_BYTES}: ${advice}`);
}

async function writeLayout(
  runner: Runner,
  { model }: OnnxPlan,
  layout: Layout,
  sink: ByteSink,
  { external, ...options }: WriteOnnxOptions,
): Promise<WeightErrors[]> {
  /** Writes from a place of a file on. */
  const writerAt = (file: ByteSink, place: number): WriteBytes => {
    return (offset, bytes) => file.write(place + offset, bytes);
  };
  const places = new Map<Later, WriteBytes>();
  const tasks = new Map(layout.tasks.map((task) => [task.codes, task]));
  const errors: WeightErrors[] = [];
  // In the order of the files, since some sinks hold in memory what comes before its turn.
  const steps: Step<void>[] = [];
  const willCopy = (copy: Copy) => {
    const run = (course: Course) => copyPart(copy, course);
    steps.push({ tensor: `${model.name}, which is copied`, byteLength: copy.length, run });
  };
  const willMake = (later: Later, write: WriteBytes) => {
    places.set(later, write);
    const task = tasks.get(later);
    if (task === undefined) return; // scales, which are made with their codes
    const run = async (course: Course) => {
      errors.push(await perform(runner, task, places, course));
    };
    steps.push({ ...stepOf(task.choice), run });
  };
  let at = 0;
  for (const part of layout.parts) {
    if (part instanceof Uint8Array) await sink.write(at, part as Uint8Array<ArrayBuffer>);
    else if ("start" in part) {
      const { source } = model.content.proto.reader;
      willCopy({ source, start: part.start, length: lengthOf(part), write: writerAt(sink, at) });
    } else willMake(part, writerAt(sink, at));
    at += lengthOf(part);
  }
  let end = 0;
  for (const { offset, length, content } of layout.external) {
    const beside = (external as NonNullable<typeof external>).sink;
    if (offset > end) await beside.write(end, new Uint8Array(offset - end));
    const write = writerAt(beside, offset);
    if ("source" in content) willCopy({ ...content, length, write });
    else willMake(content, write);
    end = offset + length;
  }
  await runSteps(steps, options);
  return worstFirst(errors);
}

/** Bytes of a file that stay as they are, in a new place. */
interface Copy {
  readonly source: ByteSource;
  readonly start: number;
  readonly length: number;
  readonly write: WriteBytes;
}

function copyPart({ source, start, length, write }: Copy, course: Course): Promise<void> {
  const read = (offset: number, count: number) => source.read(start + offset, count);
  return copyTensor({ byteLength: length, read }, write, course);
}

const stepOf = ({ weight: { name, byteLength } }: OnnxChoice) => ({ tensor: name, byteLength });

async function perform(
  runner: Runner,
  { choice, codes, scales }: Task,
  places: ReadonlyMap<Later, WriteBytes>,
  course: Course,
): Promise<WeightErrors> {
  const [writeCodes, writeScales] = [codes, scales].map((part) => places.get(part)) as [WriteBytes, WriteBytes];
  const results = codeSink(choice, writeCodes, writeScales);
  const errors = await quantize(runner, choice, results, course);
  await results.finish();
  return errors;
}

async function quantize(
  runner: Runner,
  choice: OnnxChoice,
  sink: ResultSink,
  { signal, progress }: Course,
): Promise<WeightErrors> {
  const { weight, shape, axis, bits, granularity, scaleDtype } = choice;
  const source = filledUp(weight, shape);
  const { mse, maxError, sqnr } = (await quantizeStream(runner, source, sink, {
    ...{ shape, axis, bits, granularity, signal, roundScales: rounderTo(scaleDtype) },
    onProgress: (done, total) => progress(done / total),
  })) as TotalErrors;
  return { choice, mse: (mse * source.length) / weight.length, maxError, sqnr };
}

/** Weights with zeros after them, as many as the shape has. */
function filledUp({ dtype, length: there, place }: Weight, shape: readonly number[]): WeightSource {
  const bytesEach = dtype === "float16" ? 2 : 4;
  const typed = ({ buffer }: Uint8Array<ArrayBuffer>) =>
    dtype === "float16" ? new Uint16Array(buffer) : new Float32Array(buffer);
  return {
    dtype,
    length: shape.reduce((a, b) => a * b, 1),
    async read(start, count) {
      const given = Math.max(0, Math.min(count, there - start));
      if (given === count) return typed(await place.read(start, count));
      const bytes = new Uint8Array(bytesEach * count);
      if (given > 0) bytes.set(await place.read(start, given));
      return typed(bytes);
    },
  };
}

function worstFirst(errors: WeightErrors[]): WeightErrors[] {
  return errors.sort((a, b) => a.sqnr - b.sqnr);
}
