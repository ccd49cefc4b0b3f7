import { shown } from "../core/arguments.js";
import { type Engine, engines } from "../core/engine.js";
import type { Channelwise } from "../core/types.js";
import type { ParallelChannelwise } from "../workers/parallel-channelwise.js";
import { type Done, perform, type Task } from "./tasks.js";

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

/** Performs tasks at once, on the calling thread. */
function runnerOn(engine: Engine): Runner {
  return { engine, width: 1, hasFiles: false, run: async (task) => perform(engine, task) };
}

/** What a `load` gave: a quantizer on the calling thread, or one with workers. */
export type AnyChannelwise = Channelwise | ParallelChannelwise;

/**
 * What performs tasks for a quantizer that a `load` gave.
 *
 * @throws {TypeError} for anything else.
 */
export function runnerOf(channelwise: AnyChannelwise): Runner {
  if (typeof channelwise === "object" && channelwise !== null) {
    if ("runner" in channelwise) return channelwise.runner;
    const engine = engines.get(channelwise);
    if (engine) return runnerOn(engine);
  }
  throw new TypeError(`channelwise must be what load() gives, not ${shown(channelwise)}`);
}
