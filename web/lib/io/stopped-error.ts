import { shownName } from "../core/printable.js";

/** A run over a model that stopped before its end and left no file. */
export class StoppedError extends Error {
  /** The name of the error: "StoppedError". */
  override readonly name = "StoppedError";
  /** The tensor that the run was working on. */
  readonly tensor: string;

  /** @param cause the error of the file system, or the reason of the AbortSignal. */
  constructor(tensor: string, cause: unknown) {
    super(`stopped at tensor ${shownName(tensor)}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.tensor = tensor;
  }
}
