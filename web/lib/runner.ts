import { embeddedWasm } from "./embedded-wasm.js";
import { createEngine, type Engine } from "./engine.js";
import { compile, instantiate } from "./instantiate.js";
import { type Done, perform, type Task } from "./tasks.js";

/** What performs tasks: the calling thread or some workers. */
export interface Runner {
  /** The calling thread's own, for what is too little to send away. */
  readonly engine: Engine;
  /** How many tasks are worked on at a time. */
  readonly width: number;
  /** Takes over the arrays of the task that can be handed over. */
  run<T extends Task>(task: T): Promise<Done<T>>;
}

/** Performs tasks at once, on the calling thread. */
export async function loadRunner(): Promise<Runner> {
  const engine = createEngine(await instantiate(await compile(await embeddedWasm())));
  return { engine, width: 1, run: async (task) => perform(engine, task) };
}
