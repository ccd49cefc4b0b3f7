import { checkNames } from "../core/arguments.js";
import { FormatError, NonFiniteError } from "../core/errors.js";
import type { ByteSink } from "../io/bytes.js";
import { StoppedError } from "../io/stopped-error.js";
import type { TensorCourse } from "../tensor/course.js";

/** The options of every run over a model. */
export interface RunOptions {
  /** Ends the run, which then leaves no file. */
  readonly signal?: AbortSignal;
  /** Called with the progress of the run, several times a second on large models. */
  readonly onProgress?: (progress: Progress) => void;
}

/** The progress of a run. */
export interface Progress {
  /** The tensor that the run is working on. */
  readonly tensor: string;
  /** The bytes of the model that are done. */
  readonly done: number;
  /** The size of the model in bytes. */
  readonly total: number;
}

/** The work on one tensor. */
export interface Step<R> {
  readonly tensor: string;
  /** The bytes of the model that the step works on. */
  readonly byteLength: number;
  run(course: TensorCourse): Promise<R>;
}

export function checkRunOptions(options: RunOptions): void {
  checkNames("options", options, ["signal", "onProgress"] satisfies (keyof RunOptions)[]);
}

/**
 * Performs steps one after the other.
 *
 * @throws {NonFiniteError | FormatError | StoppedError} with the name of the tensor.
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

/** Closes the sink when the work on it is done, and aborts it when the work fails. */
export async function writing<R>(sink: ByteSink, work: () => Promise<R>): Promise<R> {
  try {
    const result = await work();
    await sink.close();
    return result;
  } catch (error) {
    await sink.abort(error).catch(() => undefined); // the first error is thrown
    throw error;
  }
}
