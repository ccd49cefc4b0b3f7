import type { Stream } from "./terminal.js";

/** A file that a command has begun to write. */
export interface BegunOutput {
  readonly path: string;
  /** The outermost folder that was made for it, where one was. */
  readonly madeFolder: string | undefined;
  /** What is said where it does not come to its end, besides why. */
  readonly failed: string;
}

/** What a command works with besides its operands and options. */
export interface Context {
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Is called with an output before anything of it is made. */
  readonly begin: (output: BegunOutput) => void;
  /** Is called when the output is complete. */
  readonly written: () => void;
}

/** What a command ends with: its exit code, and with --json the object to print. */
export interface Outcome {
  readonly exitCode: 0 | 3;
  readonly json: object;
}
