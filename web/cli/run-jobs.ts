import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Context } from "./context.js";
import { counted } from "./format.js";
import { type DoneJob, type Job, type RunOptions, runJob } from "./job.js";
import { ProgressBar } from "./progress.js";
import { withWorkers } from "./workers.js";

export interface RunJobsOptions extends Pick<RunOptions, "writes" | "overwrite"> {
  readonly threads: number | undefined;
}

/** Does one job after the other, each on all cores. What was done before one that fails stays. */
export async function runJobs(
  jobs: readonly Job[],
  { threads, writes, overwrite }: RunJobsOptions,
  { stderr, signal }: Context,
): Promise<DoneJob[]> {
  if (jobs.length === 0) return [];
  const total = jobs.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const bar = new ProgressBar(stderr);
  const done: DoneJob[] = [];
  let before = 0;
  try {
    await withWorkers(threads, async (channelwise) => {
      for (const job of jobs) {
        signal.throwIfAborted();
        if (writes) mkdirSync(dirname(job.output), { recursive: true });
        const onProgress = (bytes: number, tensor: string) => bar.update(before + bytes, total, tensor);
        done.push({ ...job, result: await runJob(job, channelwise, { writes, overwrite, signal, onProgress }) });
        before += job.bytesBefore;
      }
    });
    return done;
  } catch (error) {
    bar.clear();
    const others = jobs.length > 1 ? `; ${done.length} of ${counted(jobs.length, "file")} are` : "";
    const { input, output } = jobs[done.length];
    stderr.write(`${writes ? `${output} is not written` : `${input.path} is not measured`}${others}\n`);
    throw error;
  } finally {
    bar.clear();
  }
}
