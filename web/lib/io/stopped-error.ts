import { shownName } from "../core/printable.js";

/** A run over a model that did not come to its end; it leaves no file. */
export class StoppedError extends Error {
  /** "StoppedError". */
  override readonly name = "StoppedError";
  /** The tensor that was being worked on. */
  readonly tensor: string;

  /** @param cause what the file system threw, or the reason of the AbortSignal. */
  constructor(tensor: string, cause: unknown) {
    super(`stopped at tensor ${shownName(tensor)}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.tensor = tensor;
  }
}
