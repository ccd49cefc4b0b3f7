import { load, type ParallelChannelwise } from "channelwise/parallel";
import { trustOwnScripts } from "../../trusted-types.js";

trustOwnScripts();

/** Works on all cores, and ends the workers afterwards. */
export async function withWorkers<R>(work: (channelwise: ParallelChannelwise) => Promise<R>): Promise<R> {
  const channelwise = await load({ createWorker });
  try {
    return await work(channelwise);
  } finally {
    channelwise.close();
  }
}

function createWorker(): Worker {
  return new Worker(new URL("./pool-worker.ts", import.meta.url), { type: "module" });
}
