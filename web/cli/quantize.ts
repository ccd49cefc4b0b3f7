import { existsSync, mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fairPart } from "channelwise/files";
import type { Context, Outcome } from "./context.js";
import { openFilesJob } from "./files-job.js";
import { counted } from "./format.js";
import { findParts, writeIndex } from "./index-file.js";
import { groupInputs, type Input } from "./inputs.js";
import type { DoneTask, OpenJob, Task } from "./job.js";
import type { Values } from "./options.js";
import { checkOutputs, outputsOf } from "./outputs.js";
import { groupLines, showDecisions, showPlan } from "./plan-view.js";
import { ProgressBar } from "./progress.js";
import { doneJson, showReport, taskJson } from "./quantize-report.js";
import { parseShard, parseThreads, rulesOf, type Shard } from "./settings.js";
import { parseShardName } from "./shards.js";
import { isTerminal, styled } from "./terminal.js";
import { withWorkers } from "./workers.js";

type Open = (input: Input) => Promise<OpenJob>;

/** `channelwise quantize` */
export async function quantize(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const { stdout, stderr } = context;
  const { output, force = false, json = false } = values;
  const rules = rulesOf(values);
  const shard = values.shard === undefined ? undefined : parseShard(values.shard);
  const threads = values.threads === undefined ? undefined : parseThreads(values.threads);
  const inputs = groupInputs(operands);
  /** Of one model a part of its tensors, of several some of the models. */
  const [modelShard, listShard] = inputs.length === 1 ? [shard, undefined] : [undefined, shard];
  const outputs = outputsOf(inputs, { output, rules, shard: modelShard });
  checkOutputs(
    outputs,
    inputs.flatMap(({ files }) => files),
  );

  const open: Open = (input) => openFilesJob(input, rules, modelShard);
  const tasks = shareOf(await plan(inputs, outputs, open), listShard);
  warnOfPatterns(tasks, context);
  // A part may well have no such tensor.
  if (!modelShard) refuseNothing(tasks);
  if (values["dry-run"]) {
    if (!json) showDecisions(stdout, tasks);
    return { exitCode: 0, json: { dryRun: true, files: tasks.map(taskJson) } };
  }

  if (!force) refuseExisting(tasks);
  if (isTerminal(stderr)) showPlan(stderr, tasks);
  const done = await run(tasks, open, { threads, overwrite: force }, context);
  if (!json && done.length > 0) showReport(stdout, done);
  if (shard && done.length === 0)
    stderr.write(`nothing to do: part ${values.shard} of ${inputs.length} files is empty\n`);
  const index = modelShard && (await joinIfComplete(outputs[0], modelShard, context));
  return { exitCode: 0, json: { files: done.map(doneJson), ...(index !== undefined && { index }) } };
}

/** Opens every model and closes it again: a list may be longer than what can be open at a time. */
async function plan(inputs: readonly Input[], outputs: readonly string[], open: Open): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const [i, input] of inputs.entries()) {
    const job = await open(input);
    await job.close();
    tasks.push({ input, output: outputs[i], plan: job.plan });
  }
  return tasks;
}

function shareOf(tasks: readonly Task[], shard: Shard | undefined): readonly Task[] {
  if (!shard) return tasks;
  const items = tasks.map((task) => ({ size: task.plan.bytesBefore, task }));
  return fairPart(items, shard.k, shard.n).map(({ task }) => task);
}

function warnOfPatterns(tasks: readonly Task[], { stderr }: Context): void {
  const [first, ...others] = tasks;
  for (const pattern of first?.plan.unmatched ?? []) {
    if (others.some(({ plan }) => !plan.unmatched.includes(pattern))) continue;
    stderr.write(`${styled(stderr, "yellow", "warning:")} the pattern ${pattern} matches no tensor\n`);
  }
}

/** A file in which nothing is quantized is not what was wanted. */
function refuseNothing(tasks: readonly Task[]): void {
  for (const task of tasks) {
    if (task.plan.tensors.some(({ decision }) => decision.quantize)) continue;
    const reasons = groupLines([task], Infinity).join("\n");
    throw new Error(`${task.input.path}: none of its tensors would be quantized; --include takes patterns\n${reasons}`);
  }
}

function refuseExisting(tasks: readonly Task[]): void {
  const existing = tasks.map(({ output }) => output).filter(existsSync);
  if (existing.length === 0) return;
  const are = existing.length === 1 ? "exists" : `and ${existing.length - 1} more exist`;
  throw new Error(`${existing[0]} ${are}; give another name with -o, or --force to replace`);
}

async function run(
  tasks: readonly Task[],
  open: Open,
  { threads, overwrite }: { threads: number | undefined; overwrite: boolean },
  { stderr, signal }: Context,
): Promise<DoneTask[]> {
  if (tasks.length === 0) return [];
  const total = tasks.reduce((sum, { plan }) => sum + plan.bytesBefore, 0);
  const bar = new ProgressBar(stderr);
  const done: DoneTask[] = [];
  let before = 0;
  const runTask = async (task: Task, channelwise: Parameters<OpenJob["run"]>[0]) => {
    signal.throwIfAborted();
    const job = await open(task.input);
    try {
      mkdirSync(dirname(task.output), { recursive: true });
      const onProgress = (bytes: number, tensor: string) => bar.update(before + bytes, total, tensor);
      done.push({ ...task, result: await job.run(channelwise, task.output, { signal, overwrite, onProgress }) });
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
    stderr.write(`${tasks[done.length].output} is not written${others}\n`);
    throw error;
  } finally {
    bar.clear();
  }
}

/** Writes the index when the last part is there; gives its path. */
async function joinIfComplete(output: string, { n }: Shard, { stderr }: Context): Promise<string | undefined> {
  const stem = parseShardName(basename(output))?.stem;
  const parts = findParts(dirname(output)).find((each) => each.n === n && each.stem === stem);
  if (!parts) return undefined;
  if (parts.missing.length > 0) {
    stderr.write(`${n - parts.missing.length} of ${counted(n, "part")} are there; the last one writes the index\n`);
    return undefined;
  }
  const index = await writeIndex(parts, true);
  stderr.write(`all ${counted(n, "part")} are there: wrote ${index}\n`);
  return index;
}
