import type { AnyDone, Task } from "../stream/tasks.js";

// What a pool and its workers say to each other: every message to a worker gets an answer with its id.

export type ToWorker = { readonly id: number } & (
  | { readonly task: Task }
  /** The first one: what to make an engine of. */
  | { readonly module: WebAssembly.Module }
);

/** Beginning with an answer to no message, with id 0, when the worker begins to listen. */
export type FromWorker = { readonly id: number } & ({ readonly done?: AnyDone } | { readonly error: Failure });

/** What is told of an error: not every one can be sent. */
export interface Failure {
  readonly message: string;
  /** Of an error of the file system: `ENOSPC` and others. */
  readonly code: string | undefined;
}
