import { checkNames } from "../arguments.js";
import { NonFiniteError } from "../errors.js";
import type { ByteSink, ByteSource } from "../files/bytes.js";
import { loadRunner, type Runner } from "../runner.js";
import { quantizeStream, type ResultSink } from "../stream.js";
import type { TotalErrors } from "../types.js";
import { codeSink, type WriteBytes } from "./codes.js";
import { type Layout, layOut } from "./layout.js";
import type { Choice, OnnxPlan } from "./plan.js";
import { type Later, lengthOf, totalLength } from "./splice.js";
import { type FloatSource, tensorsOf } from "./tensors.js";

/** What a weight's quantization costs. */
export interface WeightErrors extends TotalErrors {
  readonly choice: Choice;
}

export interface RunOptions {
  /** Ends the work: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with the weights (elements) done and those to do. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface WriteOnnxOptions extends RunOptions {
  /** The file for what does not go into the model: needed where the model had such a file, or takes more than 2 GB. */
  readonly external?: {
    /** Its path from the model's folder, as the model will name it. */
    readonly location: string;
    readonly sink: ByteSink;
  };
}

/** A protocol buffer can be no longer, in bytes. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Copied at a time. */
const COPY_BYTES = 2 ** 22;

/**
 * Quantizes every weight of a plan and gives its errors, worst SQNR first. Writes nothing.
 *
 * @throws {NonFiniteError} for NaN or an infinity among the weights.
 */
export async function measureOnnx({ choices }: OnnxPlan, options: RunOptions = {}): Promise<WeightErrors[]> {
  checkNames("options", options, ["signal", "onProgress"] satisfies (keyof RunOptions)[]);
  const quantize = await quantizer(choices, options);
  const errors: WeightErrors[] = [];
  for (const choice of choices) errors.push(await quantize(choice, { quantized() {}, scales() {} }));
  return worstFirst(errors);
}

/**
 * Writes the quantized model and gives the errors of every weight, worst SQNR first. Where it fails the sinks are aborted.
 *
 * @throws {FormatError} for damaged data, before anything is written.
 * @throws {NonFiniteError} for NaN or an infinity among the weights.
 */
export async function writeOnnx(
  plan: OnnxPlan,
  sink: ByteSink,
  options: WriteOnnxOptions = {},
): Promise<WeightErrors[]> {
  checkNames("options", options, ["signal", "onProgress", "external"] satisfies (keyof WriteOnnxOptions)[]);
  const { external } = options;
  const sinks = external ? [sink, external.sink] : [sink];
  try {
    const layout = layOutWithin(plan, external?.location);
    const errors = await write(plan, layout, sink, options);
    // The model last: it names the other file.
    for (const each of sinks.reverse()) await each.close();
    return errors;
  } catch (error) {
    for (const each of sinks) await each.abort(error);
    throw error;
  }
}

/** With external data where the model had some, or where it would be too long without. */
function layOutWithin(plan: OnnxPlan, location: string | undefined): Layout {
  const hasExternal = [...tensorsOf(plan.model.content.proto.graph)].some((tensor) => tensor.external !== undefined);
  if (hasExternal && location === undefined) {
    throw new TypeError("external is needed: the model has data in a file beside it, and so will what is written");
  }
  const layout = layOut(plan, location ?? "", false);
  if (totalLength(layout.parts) <= MAX_MODEL_BYTES) return layout;
  const smaller = location === undefined ? layout : layOut(plan, location, true);
  const length = totalLength(smaller.parts);
  if (length <= MAX_MODEL_BYTES) return smaller;
  const advice =
    location === undefined ? "give external, a file beside it" : "give a model whose data are in such a file";
  throw new RangeError(`the model takes ${length} bytes, and a model file at most ${MAX_MODEL_BYTES}: ${advice}`);
}

async function write(
  plan: OnnxPlan,
  layout: Layout,
  sink: ByteSink,
  options: WriteOnnxOptions,
): Promise<WeightErrors[]> {
  const { source } = plan.model.content.proto.reader;
  const { signal, external } = options;
  const places = new Map<Later, WriteBytes>();
  const writerAt = (sink: ByteSink, place: number): WriteBytes => {
    return (offset, bytes) => sink.write(place + offset, bytes);
  };
  let at = 0;
  for (const part of layout.parts) {
    if (part instanceof Uint8Array) await sink.write(at, part as Uint8Array<ArrayBuffer>);
    else if ("start" in part) await copy(source, part.start, lengthOf(part), writerAt(sink, at), signal);
    else places.set(part, writerAt(sink, at));
    at += lengthOf(part);
  }
  for (const { offset, length, content } of layout.external) {
    const writer = writerAt((external as NonNullable<typeof external>).sink, offset);
    if ("source" in content) await copy(content.source, content.start, length, writer, signal);
    else places.set(content, writer);
  }

  const quantize = await quantizer(plan.choices, options);
  const errors: WeightErrors[] = [];
  for (const { choice, codes, scales } of layout.tasks) {
    const [writeCodes, writeScales] = [codes, scales].map((part) => places.get(part)) as [WriteBytes, WriteBytes];
    const results = codeSink(choice, writeCodes, writeScales);
    errors.push(await quantize(choice, results));
    await results.finish();
  }
  return worstFirst(errors);
}

async function copy(source: ByteSource, start: number, length: number, write: WriteBytes, signal?: AbortSignal) {
  for (let done = 0; done < length; done += COPY_BYTES) {
    signal?.throwIfAborted();
    await write(done, await source.read(start + done, Math.min(COPY_BYTES, length - done)));
  }
}

/** What quantizes the weights of the choices one after the other, and tells how far it is with all. */
async function quantizer(choices: readonly Choice[], { signal, onProgress }: RunOptions) {
  const runner = await sharedRunner();
  const total = choices.reduce((sum, { weight }) => sum + weight.place.data.length, 0);
  let before = 0;
  return async (choice: Choice, sink: ResultSink): Promise<WeightErrors> => {
    const { weight, shape, axis, bits, granularity } = choice;
    const { data } = weight.place;
    const filled = filledUp(data, shape);
    try {
      const { mse, maxError, sqnr } = (await quantizeStream(runner, filled, sink, {
        ...{ shape, axis, bits, granularity, signal },
        onProgress: (done) => onProgress?.(before + Math.min(done, data.length), total),
      })) as TotalErrors;
      before += data.length;
      return { choice, mse: (mse * filled.length) / data.length, maxError, sqnr };
    } catch (error) {
      if (error instanceof NonFiniteError) error.message = `${weight.name}: ${error.message}`;
      throw error;
    }
  };
}

/** Weights with zeros after them, as many as the shape has. */
function filledUp(data: FloatSource, shape: readonly number[]): FloatSource {
  const length = shape.reduce((a, b) => a * b, 1);
  if (length === data.length) return data;
  return {
    ...data,
    length,
    async read(start, count) {
      const there = Math.max(0, Math.min(count, data.length - start));
      if (there === count) return data.read(start, count);
      const values = new Float32Array(count);
      if (there > 0) values.set(await data.read(start, there));
      return values;
    },
  };
}

let shared: Promise<Runner> | undefined;

function sharedRunner(): Promise<Runner> {
  shared ??= loadRunner().catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

function worstFirst(errors: WeightErrors[]): WeightErrors[] {
  return errors.sort((a, b) => a.sqnr - b.sqnr);
}
