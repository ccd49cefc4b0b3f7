import { workerCode } from "./worker-code.js";

/** What is needed of a worker: a page's `Worker`, or that of Node's `worker_threads`. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
}

interface NodeThreads {
  Worker: new (code: string, options: { eval: true; execArgv: string[] }) => WorkerLike;
}

declare const process: {
  getBuiltinModule(name: "node:worker_threads"): NodeThreads;
  getBuiltinModule(name: "node:os"): { availableParallelism(): number };
};

/** Cores, but not more than bring anything: memory is what limits. */
export function availableWorkers(): number {
  const cores = globalThis.navigator?.hardwareConcurrency ?? process.getBuiltinModule("node:os").availableParallelism();
  return Math.max(1, Math.min(cores, 8));
}

/** Starts a worker from the code inside this package: no bundler has to find a file, no server to have one. */
export function startWorker(): WorkerLike {
  if (typeof Worker !== "function") {
    // Flags of the process, such as modules to import first, are not for this code.
    return new (process.getBuiltinModule("node:worker_threads").Worker)(workerCode, { eval: true, execArgv: [] });
  }
  const address = URL.createObjectURL(new Blob([workerCode], { type: "text/javascript" }));
  try {
    return new Worker(address, { type: "module" });
  } finally {
    URL.revokeObjectURL(address);
  }
}
