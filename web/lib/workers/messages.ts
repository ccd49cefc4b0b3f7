import type { AnyDone, Task } from "../stream/tasks.js";

// The messages between a pool and its workers. Every message to a worker is answered with its id.

export type ToWorker = { readonly id: number } & (
  | { readonly task: Task }
  /** The first message has the module of which the worker makes its engine. */
  | { readonly module: WebAssembly.Module }
);

/** The first answer, with id 0, answers no message: it says that the worker listens. */
export type FromWorker = { readonly id: number } & ({ readonly done?: AnyDone } | { readonly error: Failure });

/** The parts of an error that a worker sends, because not every error can be sent. */
export interface Failure {
  readonly message: string;
  /** The code of an error of the file system, such as `ENOSPC`. */
  readonly code: string | undefined;
}
