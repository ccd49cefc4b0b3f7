import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { ParallelChannelwise } from "channelwise/parallel";
import type { Context } from "./context.js";
import { counted } from "./format.js";
import type { Input } from "./inputs.js";
import type { DoneTask, OpenJob, Task } from "./job.js";
import { ProgressBar } from "./progress.js";
import { withWorkers } from "./workers.js";

export interface RunTasksOptions {
  readonly open: (input: Input) => Promise<OpenJob>;
  readonly threads: number | undefined;
  /** Otherwise the errors are found and nothing is written. */
  readonly writes: boolean;
  readonly overwrite: boolean;
}

/** Does one task after the other, each on all cores. What was done before one that fails stays. */
export async function runTasks(
  tasks: readonly Task[],
  { open, threads, writes, overwrite }: RunTasksOptions,
  { stderr, signal }: Context,
): Promise<DoneTask[]> {
  if (tasks.length === 0) return [];
  const total = tasks.reduce((sum, { plan }) => sum + plan.bytesBefore, 0);
  const bar = new ProgressBar(stderr);
  const done: DoneTask[] = [];
  let before = 0;
  const runTask = async (task: Task, channelwise: ParallelChannelwise) => {
    signal.throwIfAborted();
    const job = await open(task.input);
    try {
      if (writes) mkdirSync(dirname(task.output), { recursive: true });
      const output = writes ? task.output : undefined;
      const onProgress = (bytes: number, tensor: string) => bar.update(before + bytes, total, tensor);
      done.push({ ...task, result: await job.run(channelwise, { output, overwrite, signal, onProgress }) });
    } finally {
      await job.close();
    }
    before += task.plan.bytesBefore;
  };
  try {
    await withWorkers(threads, async (channelwise) => {
      for (const task of tasks) await runTask(task, channelwise);
    });
    return done;
  } catch (error) {
    bar.clear();
    const others = tasks.length > 1 ? `; ${done.length} of ${counted(tasks.length, "file")} are` : "";
    const { input, output } = tasks[done.length];
    stderr.write(`${writes ? `${output} is not written` : `${input.path} is not measured`}${others}\n`);
    throw error;
  } finally {
    bar.clear();
  }
}
