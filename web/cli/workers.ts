import { availableParallelism } from "node:os";
import { load, type ParallelChannelwise } from "channelwise/parallel";

/** The limit of the library. */
export const MOST_THREADS = 64;

/** Works with a worker for each core, or as many as asked for. */
export async function withWorkers<R>(
  threads: number | undefined,
  work: (channelwise: ParallelChannelwise) => Promise<R>,
): Promise<R> {
  const channelwise = await load({ workers: threads ?? Math.min(availableParallelism(), MOST_THREADS) });
  try {
    return await work(channelwise);
  } finally {
    channelwise.close();
  }
}
