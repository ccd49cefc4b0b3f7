import { nodeModule } from "../core/node-module.js";
import { workerCode } from "./worker-code.js";

/** The methods that a worker needs: those of a page's `Worker`, or of Node's `worker_threads`. */
export interface WorkerLike {
  /** Sends a message, and transfers the buffers. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** Ends the worker at once. */
  terminate(): unknown;
}

/** One worker for each core, up to 8. More bring nothing, because memory is the limit. */
export function availableWorkers(): number {
  const cores = nodeModule("node:os")?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(cores, 8));
}

/** Throws where neither a page's workers nor Node's can be started. */
export function checkWorkers(): void {
  if (nodeModule("node:worker_threads") || typeof Worker === "function") return;
  throw new Error(
    "there are no workers here: load() of channelwise works on the calling thread and needs none, or give load({ createWorker }) a function that starts one",
  );
}

/** Starts a worker from the code inside this package, so that no bundler or server needs a file for it. */
export function startWorker(): WorkerLike {
  const threads = nodeModule("node:worker_threads");
  // Flags of the process, such as modules to import first, are not meant for this code.
  if (threads) return new threads.Worker(workerCode, { eval: true, execArgv: [] });
  const address = URL.createObjectURL(new Blob([workerCode], { type: "text/javascript" }));
  try {
    return new Worker(address, { type: "module" });
  } finally {
    URL.revokeObjectURL(address);
  }
}
