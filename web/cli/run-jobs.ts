import { writingOutput } from "./begun-output.js";
import type { Context } from "./context.js";
import { counted } from "./format.js";
import { type DoneJob, type Job, type RunOptions, runJob } from "./job.js";
import { InputError } from "./problems.js";
import { ProgressBar } from "./progress.js";
import { withWorkers } from "./workers.js";

export interface RunJobsOptions extends Pick<RunOptions, "writes" | "overwrite"> {
  readonly threads: number | undefined;
}

/** Does one job after the other, each on all cores. Files of jobs before a failed one stay. */
export async function runJobs(
  jobs: readonly Job[],
  { threads, writes, overwrite }: RunJobsOptions,
  context: Context,
): Promise<DoneJob[]> {
  if (jobs.length === 0) return [];
  const { stderr, signal } = context;
  const total = jobs.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const bar = new ProgressBar(stderr);
  const done: DoneJob[] = [];
  let before = 0;
  await withWorkers(threads, async (channelwise) => {
    for (const job of jobs) {
      signal.throwIfAborted();
      const onProgress = (bytes: number, tensor: string) => bar.update(before + bytes, total, tensor);
      const run = () => runJob(job, channelwise, { writes, overwrite, signal, onProgress }).finally(() => bar.clear());
      const others = jobs.length > 1 ? `; ${done.length} of ${counted(jobs.length, "file")} are` : "";
      try {
        const result = await (writes ? writingOutput(job.output, context, run, others) : run());
        done.push({ ...job, result });
      } catch (error) {
        throw jobs.length > 1 ? new InputError(job.input.path, error) : error;
      }
      before += job.bytesBefore;
    }
  });
  return done;
}
