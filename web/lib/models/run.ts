import { checkNames } from "../core/arguments.js";
import { FormatError, NonFiniteError } from "../core/errors.js";
import type { ByteSink } from "../io/bytes.js";
import { StoppedError } from "../io/stopped-error.js";

/** What every run over a model takes. */
export interface RunOptions {
  /** Ends the run, which then leaves no file. */
  readonly signal?: AbortSignal;
  /** Is called with how far the run is, several times a second on large models. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far a run is. */
export interface Progress {
  /** The tensor that is being worked on. */
  readonly tensor: string;
  /** Bytes of the model that are done. */
  readonly done: number;
  /** Bytes of the model. */
  readonly total: number;
}

/** What a step of a run is given. */
export interface StepCourse {
  readonly signal: AbortSignal | undefined;
  /** Is called with the share of the step that is done. */
  readonly progress: (share: number) => void;
}

/** The work on one tensor. */
export interface Step<R> {
  readonly tensor: string;
  /** Bytes of the model that the step works on. */
  readonly byteLength: number;
  run(course: StepCourse): Promise<R>;
}

export function checkRunOptions(options: RunOptions): void {
  checkNames("options", options, ["signal", "onProgress"] satisfies (keyof RunOptions)[]);
}

/**
 * Does one step after the other.
 *
 * @throws {NonFiniteError | FormatError | StoppedError} that names the tensor.
 */
export async function runSteps<R>(steps: readonly Step<R>[], { signal, onProgress }: RunOptions): Promise<R[]> {
  const total = steps.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const results: R[] = [];
  let before = 0;
  for (const { tensor, byteLength, run } of steps) {
    const progress = (share: number) => onProgress?.({ tensor, done: before + share * byteLength, total });
    try {
      signal?.throwIfAborted();
      results.push(await run({ signal, progress }));
    } catch (error) {
      throw atTensor(error, tensor);
    }
    before += byteLength;
  }
  return results;
}

function atTensor(error: unknown, tensor: string): unknown {
  if (error instanceof NonFiniteError) return new NonFiniteError(error.index, error.channel, error.value, tensor);
  return error instanceof FormatError ? error : new StoppedError(tensor, error);
}

/** Closes the sink when the work on it is done, and aborts it when that fails. */
export async function writing<R>(sink: ByteSink, work: () => Promise<R>): Promise<R> {
  try {
    const result = await work();
    await sink.close();
    return result;
  } catch (error) {
    await sink.abort(error).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}
