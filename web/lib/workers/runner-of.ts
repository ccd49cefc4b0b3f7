import { shown } from "../core/arguments.js";
import { type Engine, engines } from "../core/memory/buffers.js";
import type { Channelwise } from "../core/types.js";
import { perform } from "../stream/perform.js";
import type { Runner } from "../stream/runner.js";
import type { ParallelChannelwise } from "./parallel-channelwise.js";

/** The result of a `load`: a quantizer on the calling thread, or one with workers. */
export type AnyChannelwise = Channelwise | ParallelChannelwise;

/**
 * The runner of a quantizer that a `load` returned.
 *
 * @throws {TypeError} for anything else.
 */
export function runnerOf(channelwise: AnyChannelwise): Runner {
  if (typeof channelwise === "object" && channelwise !== null) {
    if ("runner" in channelwise) return channelwise.runner;
    const engine = engines.get(channelwise);
    if (engine) return runnerOn(engine);
  }
  throw new TypeError(`channelwise must be the result of load(), not ${shown(channelwise)}`);
}

/** Performs tasks at once, on the calling thread. */
function runnerOn(engine: Engine): Runner {
  return { engine, width: 1, hasFiles: false, run: (task) => perform(engine, task) };
}
