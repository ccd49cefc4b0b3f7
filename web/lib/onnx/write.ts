import { checkNames } from "../arguments.js";
import type { ByteSink, ByteSource } from "../files/bytes.js";
import type { Channelwise, TotalErrors } from "../types.js";
import { codeSink, type WriteBytes } from "./codes.js";
import { type Layout, layOut } from "./layout.js";
import type { Choice, OnnxPlan } from "./plan.js";
import { quantizeWeight } from "./quantize.js";
import { type Later, lengthOf, totalLength } from "./splice.js";
import { tensorsOf } from "./tensors.js";

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
export async function measureOnnx(
  { choices }: OnnxPlan,
  channelwise: Channelwise,
  options: RunOptions = {},
): Promise<WeightErrors[]> {
  checkNames("options", options, ["signal", "onProgress"] satisfies (keyof RunOptions)[]);
  const errors: WeightErrors[] = [];
  const advance = progress(choices, options);
  for (const choice of choices) {
    errors.push({ choice, ...(await quantizeWeight(channelwise, choice)) });
    advance(choice);
  }
  return errors.sort((a, b) => a.sqnr - b.sqnr);
}

/**
 * Writes the quantized model and gives the errors of every weight, worst SQNR first. Where it fails the sinks are aborted.
 *
 * @throws {FormatError} for damaged data, before anything is written.
 * @throws {NonFiniteError} for NaN or an infinity among the weights.
 */
export async function writeOnnx(
  plan: OnnxPlan,
  channelwise: Channelwise,
  sink: ByteSink,
  options: WriteOnnxOptions = {},
): Promise<WeightErrors[]> {
  checkNames("options", options, ["signal", "onProgress", "external"] satisfies (keyof WriteOnnxOptions)[]);
  const { external } = options;
  const sinks = external ? [sink, external.sink] : [sink];
  try {
    const layout = layOutWithin(plan, external?.location);
    const errors = await write(plan, layout, channelwise, sink, options);
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
  channelwise: Channelwise,
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

  const errors: WeightErrors[] = [];
  const advance = progress(plan.choices, options);
  for (const { choice, codes, scales } of layout.tasks) {
    const [writeCodes, writeScales] = [codes, scales].map((part) => places.get(part)) as [WriteBytes, WriteBytes];
    const results = codeSink(choice, choice.weight.place.data.length, writeCodes, writeScales);
    errors.push({ choice, ...(await quantizeWeight(channelwise, choice, results)) });
    await results.finish();
    advance(choice);
  }
  return errors.sort((a, b) => a.sqnr - b.sqnr);
}

async function copy(source: ByteSource, start: number, length: number, write: WriteBytes, signal?: AbortSignal) {
  for (let done = 0; done < length; done += COPY_BYTES) {
    signal?.throwIfAborted();
    await write(done, await source.read(start + done, Math.min(COPY_BYTES, length - done)));
  }
}

/** Counts the weights of every choice that is done. */
function progress(choices: readonly Choice[], { signal, onProgress }: RunOptions) {
  const elements = ({ weight }: Choice) => weight.place.data.length;
  const total = choices.reduce((sum, choice) => sum + elements(choice), 0);
  let done = 0;
  signal?.throwIfAborted();
  return (choice: Choice) => {
    signal?.throwIfAborted();
    done += elements(choice);
    onProgress?.(done, total);
  };
}
