import type { Stream } from "./terminal.js";

/** A file that a command has begun to write. */
export interface BegunOutput {
  readonly path: string;
  /** The outermost folder that was made for it, if any. */
  readonly madeFolder: string | undefined;
  /** The sentence on its failure that follows the reason. */
  readonly failed: string;
}

/** What a command works with, in addition to its operands and options. */
export interface Context {
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Called with an output before anything of it is made. */
  readonly begin: (output: BegunOutput) => void;
  /** Called when the output is complete. */
  readonly written: () => void;
}

/** The end of a command: its exit code, and with --json the object to print. */
export interface Outcome {
  readonly exitCode: 0 | 3;
  readonly json: object;
}
