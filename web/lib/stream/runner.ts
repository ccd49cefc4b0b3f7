import type { Engine } from "../core/memory/buffers.js";
import type { Done, Task } from "./tasks.js";

/** Performs tasks, on the calling thread or on workers. */
export interface Runner {
  /** The engine of the calling thread, for tasks too small to send away. */
  readonly engine: Engine;
  /** The number of tasks that are performed at a time. */
  readonly width: number;
  /** Whether tasks may name files that are open in this process; false where the calling thread would wait for them. */
  readonly hasFiles: boolean;
  /** Performs a task, and transfers those of its arrays that can be transferred. */
  run<T extends Task>(task: T): Promise<Done<T>>;
}
