// The worker's side of a pool: it performs tasks with an engine of its own.

import { createEngine, type Engine } from "../core/memory/buffers.js";
import { nodeModule } from "../core/node-module.js";
import { instantiate } from "../core/wasm/instantiate.js";
import { perform } from "../stream/perform.js";
import { buffersOfDone } from "../stream/tasks.js";
import type { Failure, FromWorker, ToWorker } from "./messages.js";

/** The port of a worker, in a page and in Node. */
interface Port {
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
}

function findPort(): Port {
  if (typeof document === "object")
    throw new Error("serve() of channelwise/worker must be called in a worker, not in a page");
  const threads = nodeModule("node:worker_threads");
  if (!threads) return globalThis as unknown as Port;
  if (!threads.parentPort) {
    throw new Error("serve() of channelwise/worker must be called in a worker, not in the main thread");
  }
  return threads.parentPort as Port;
}

function failureOf(error: unknown): Failure {
  const { code } = error instanceof Error ? (error as { code?: unknown }) : {};
  return typeof code === "string"
    ? { message: (error as Error).message, code }
    : { message: String(error).replace(/^Error: /, ""), code: undefined };
}

/**
 * Makes the calling worker serve the `channelwise/parallel` whose `createWorker` started it.
 *
 * @throws {Error} outside of a worker.
 */
export function serve(): void {
  const port = findPort();
  let engine: Engine;

  port.onmessage = async ({ data }) => {
    const { id } = data;
    try {
      if ("module" in data) {
        engine = createEngine(await instantiate(data.module));
        port.postMessage({ id });
      } else {
        const done = await perform(engine, data.task);
        port.postMessage({ id, done }, buffersOfDone(done));
      }
    } catch (error) {
      port.postMessage({ id, error: failureOf(error) });
    }
  };
  port.postMessage({ id: 0 });
}
