import { basename, join } from "node:path";
import {
  type ByteSink,
  type Decision,
  fairPart,
  fileSink,
  type KeptNodes,
  type Mix,
  measureModel,
  openModel,
  outputBytes,
  type Plan,
  planModel,
  printable,
  quantizeModel,
  type TensorSummary,
} from "channelwise/models";
import type { ParallelChannelwise } from "channelwise/parallel";
import { dataPath } from "./begun-output.js";
import { OutputError, UsageError } from "./command-error.js";
import type { Input } from "./inputs.js";
import type { Settings, Shard } from "./settings.js";

/** A model, open for reading, that is to be written to a file. */
export interface Job {
  readonly input: Input;
  readonly output: string;
  readonly plan: Plan;
  /** The paths of the files that it was read from. */
  readonly reads: readonly string[];
  /** The bytes of the files that it was read from. For a part, the bytes of its file if nothing were quantized. */
  readonly bytesBefore: number;
  /** The bytes of the files to be written. */
  readonly bytesAfter: number;
  /** What was chosen for a budget. */
  readonly mix?: Mix;
  /** What stays float for the outputs. */
  readonly search?: KeptNodes;
}

export interface DoneJob extends Job {
  readonly result: RunResult;
}

export interface RunResult {
  /** The tensors in the order of the plan. */
  readonly tensors: readonly TensorSummary[];
  /** The size in bytes of the file that was, or would be, written. */
  readonly byteLength: number;
  /** The metadata of the file that was written. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** Whether to write files, and not only to find the errors. */
  readonly writes: boolean;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
  /** @param done bytes that have been read */
  readonly onProgress: (done: number, tensor: string) => void;
}

/** Opens and plans a model; with `shard`, a part of its tensors. */
export async function openJob(
  input: Input,
  output: string,
  settings: Settings,
  shard: Shard | undefined,
): Promise<Job> {
  const model = await openModel(input.files);
  const bytesOf = (plan: Plan) => asOutput(output, () => outputBytes(plan));
  try {
    const whole = asOptions(() => planModel(model, settings));
    if (shard) bytesOf(whole); // refuses what cannot be written of the whole, whichever part this is
    const plan = partOf(whole, shard);
    return {
      ...{ input, output, plan },
      reads: model.files.map((name) => join(input.folder, name)),
      bytesBefore: shard ? outputBytes(planModel(plan.model, { exclude: ["*"] })) : model.byteLength,
      bytesAfter: bytesOf(plan),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** Quantizes a model. The output appears when it is complete. */
export async function runJob(
  { plan, output, bytesBefore }: Job,
  channelwise: ParallelChannelwise,
  { writes, overwrite, signal, onProgress }: RunOptions,
): Promise<RunResult> {
  const options = {
    signal,
    // A run counts the bytes of tensors. The files have more.
    onProgress: ({ done, total, tensor }: { done: number; total: number; tensor: string }) =>
      onProgress((done / total) * bytesBefore, tensor),
  };
  if (!writes) return { tensors: await measureModel(channelwise, plan, options), byteLength: outputBytes(plan) };
  const location = basename(dataPath(output));
  return quantizeModel(channelwise, plan, await fileSink(output, { overwrite }), {
    ...options,
    external: { location, sink: lazySink(dataPath(output), overwrite) },
  });
}

/** Turns the library's names of arguments into those of options. */
function asOptions<R>(work: () => R): R {
  try {
    return work();
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError
      ? new UsageError(optionSentence(error.message))
      : error;
  }
}

function optionSentence(message: string): string {
  return `--${message.replace(/^architecture/, "arch").replace(/^[a-z]\w*/, optionOf)}`;
}

/** "weight-type" of "weightType" */
const optionOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What a file cannot hold is said of that file. */
function asOutput<R>(output: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new OutputError(`${printable(output)} cannot be written: ${error.message}`);
  }
}

function partOf(plan: Plan, shard: Shard | undefined): Plan {
  if (!shard) return plan;
  const { model, decisions } = plan;
  const items = model.tensors.map((tensor, i) => ({ size: tensor.byteLength, tensor, decision: decisions[i] }));
  const mine = fairPart(items, shard.k, shard.n);
  return {
    ...plan,
    model: { ...model, tensors: mine.map(({ tensor }) => tensor) },
    decisions: mine.map(({ decision }) => decision),
  };
}

/** A sink whose file is made only when something is written to it, for the data beside an .onnx model. */
function lazySink(path: string, overwrite: boolean): ByteSink {
  let sink: Promise<ByteSink> | undefined;
  return {
    async write(offset, bytes) {
      sink ??= fileSink(path, { overwrite });
      await (await sink).write(offset, bytes);
    },
    close: async () => (await sink)?.close(),
    abort: async (reason) => (await sink)?.abort(reason),
  };
}

/** A decision in the output of --json. */
export function decisionJson<D extends Decision>(decision: D): object {
  if (!decision.quantize) return decision;
  const { scheme, quantizedShape: _, storedBits: __, pattern, blockType, notes, ...others } = decision;
  const { bits, rule, zeroPoints, balance, axis, granularity } = scheme;
  return {
    ...others,
    bits,
    scales: rule,
    ...(zeroPoints && { zeroPoints }),
    ...(balance && { balance }),
    axis,
    granularity,
    ...(pattern !== undefined && { pattern }),
    ...(blockType !== undefined && { type: blockType }),
    ...(notes.length > 0 && { notes }),
  };
}
