import type { Engine } from "../core/engine.js";
import type { Done, Task } from "./tasks.js";

/** What performs tasks: the calling thread or some workers. */
export interface Runner {
  /** The engine of the calling thread, for what is too little to send away. */
  readonly engine: Engine;
  /** How many tasks are worked on at a time. */
  readonly width: number;
  /** Whether tasks may name files that are open in this process: not where the calling thread would wait for them. */
  readonly hasFiles: boolean;
  /** Performs a task, and takes over those of its arrays that can be handed over. */
  run<T extends Task>(task: T): Promise<Done<T>>;
}
