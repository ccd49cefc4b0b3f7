import type { AnyDone, Task } from "../stream/tasks.js";

// What a pool and its workers say to each other: every message to a worker gets an answer with its id.

export type ToWorker = { readonly id: number } & (
  | { readonly task: Task }
  /** The first message says what to make an engine of. */
  | { readonly module: WebAssembly.Module }
);

/** The first answer, with id 0, is to no message: it says that the worker listens. */
export type FromWorker = { readonly id: number } & ({ readonly done?: AnyDone } | { readonly error: Failure });

/** What a worker tells of an error, because not every error can be sent. */
export interface Failure {
  readonly message: string;
  /** The code of an error of the file system: `ENOSPC` and others. */
  readonly code: string | undefined;
}
