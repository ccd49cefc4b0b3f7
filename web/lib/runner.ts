import { shown } from "./arguments.js";
import { type Engine, engines } from "./engine.js";
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
function runnerOn(engine: Engine): Runner {
  return { engine, width: 1, run: async (task) => perform(engine, task) };
}

/** The workers behind what a parallel `load` gave. */
export const runners = new WeakMap<object, Runner>();

/**
 * What performs tasks for a quantizer that a `load` gave.
 *
 * @throws {TypeError} for anything else.
 */
export function runnerOf(channelwise: object): Runner {
  const runner = runners.get(channelwise);
  if (runner) return runner;
  const engine = engines.get(channelwise);
  if (engine) return runnerOn(engine);
  throw new TypeError(`channelwise must be what load() gives, not ${shown(channelwise)}`);
}
