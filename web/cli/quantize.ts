import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname } from "node:path";
import { load } from "channelwise/parallel";
import type { Context, Outcome } from "./context.js";
import { openFilesJob } from "./files-job.js";
import { bytes, counted, decibels, shapeText } from "./format.js";
import { findParts, writeIndex } from "./index-file.js";
import { groupInputs, type Input } from "./inputs.js";
import type { OpenJob, Plan, RunResult } from "./job.js";
import type { Values } from "./options.js";
import { checkOutputs, outputsOf } from "./outputs.js";
import { howText, planLines } from "./plan-view.js";
import { ProgressBar } from "./progress.js";
import { parseShard, parseThreads, rulesOf, type Shard } from "./settings.js";
import { fairShare } from "./shards.js";
import { isQuantized, summaryLines, worstFirst } from "./summary-view.js";
import { type Column, tableLines } from "./table.js";
import { isTerminal, styled, widthOf } from "./terminal.js";

/** A model that will be written to a file. */
interface Task {
  readonly input: Input;
  readonly output: string;
  readonly plan: Plan;
}

interface Done extends Task {
  readonly result: RunResult;
}

/** `channelwise quantize` */
export async function quantize(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const rules = rulesOf(values);
  const shard = values.shard === undefined ? undefined : parseShard(values.shard);
  const threads = values.threads === undefined ? Math.min(64, availableParallelism()) : parseThreads(values.threads);
  const inputs = groupInputs(operands);
  /** Of one model a part of the tensors, of several some of the models. */
  const modelShard = inputs.length === 1 ? shard : undefined;
  const outputs = outputsOf(inputs, { output: values.output, rules, shard: modelShard });
  checkOutputs(outputs, operands);

  const open = (input: Input) => openFilesJob(input, rules, modelShard);
  let tasks: Task[] = [];
  for (const [i, input] of inputs.entries()) {
    const job = await open(input);
    await job.close();
    tasks.push({ input, output: outputs[i], plan: job.plan });
  }
  if (shard && !modelShard) {
    const mine = fairShare(
      tasks.map(({ plan }) => plan.bytesBefore),
      shard,
    );
    tasks = mine.map((i) => tasks[i]);
  }
  warnOfPatterns(tasks, context);
  if (!modelShard) refuseNothing(tasks);

  if (values["dry-run"]) {
    if (!values.json) showDecisions(tasks, context);
    return { exitCode: 0, json: { dryRun: true, files: tasks.map(taskJson) } };
  }
  refuseExisting(tasks, values);
  showPlan(tasks, context);
  const done = await run(tasks, open, threads, values.force === true, context);
  const index = modelShard && (await joinIfComplete(outputs[0], modelShard, context));
  if (!values.json) showSummary(done, context);
  return { exitCode: 0, json: { files: done.map(doneJson), ...(index !== undefined && { index }) } };
}

function warnOfPatterns(tasks: readonly Task[], { stderr }: Context): void {
  const [first, ...others] = tasks;
  for (const pattern of first?.plan.unmatched ?? []) {
    if (others.every(({ plan }) => plan.unmatched.includes(pattern))) {
      stderr.write(`${styled(stderr, "yellow", "warning:")} the pattern ${pattern} matches no tensor\n`);
    }
  }
}

/** A file in which nothing is quantized is not what was wanted. */
function refuseNothing(tasks: readonly Task[]): void {
  for (const { input, plan } of tasks) {
    if (plan.tensors.some(({ decision }) => decision.quantize)) continue;
    const lines = planLines([plan], Infinity).map((line) => `\n${line}`);
    throw new Error(
      `${input.path}: none of its tensors would be quantized; --include takes patterns of names${lines.join("")}`,
    );
  }
}

function refuseExisting(tasks: readonly Task[], { force }: Values): void {
  if (force) return;
  const existing = tasks.filter(({ output }) => existsSync(output)).map(({ output }) => output);
  if (existing.length === 0) return;
  const others = existing.length > 1 ? ` and ${existing.length - 1} more exist` : " exists";
  throw new Error(`${existing[0]}${others}; give another name with -o, or --force to replace`);
}

function titleOf(tasks: readonly Task[]): string {
  const count = tasks.reduce((sum, { plan }) => sum + plan.tensors.length, 0);
  const before = tasks.reduce((sum, { plan }) => sum + plan.bytesBefore, 0);
  const facts = `${counted(count, "tensor")}, ${bytes(before)}`;
  return tasks.length === 1
    ? `${tasks[0].input.path}  ${tasks[0].plan.format}, ${facts}`
    : `${counted(tasks.length, "file")}, ${facts}`;
}

function targetOf(tasks: readonly Task[]): string {
  const place =
    tasks.length === 1
      ? tasks[0].output
      : `${new Set(tasks.map(({ output }) => dirname(output))).size === 1 ? dirname(tasks[0].output) : "beside each"}`;
  const known = tasks.map(({ plan }) => plan.bytesAfter);
  if (known.includes(undefined)) return `to ${place}`;
  return `to ${place}  ${bytes((known as number[]).reduce((a, b) => a + b, 0))}`;
}

/** Before the work begins, for who looks at it. */
function showPlan(tasks: readonly Task[], { stderr }: Context): void {
  if (!isTerminal(stderr) || tasks.length === 0) return;
  const plans = tasks.map(({ plan }) => plan);
  stderr.write(
    `${styled(stderr, "bold", titleOf(tasks))}\n${planLines(plans, widthOf(stderr)).join("\n")}\n${targetOf(tasks)}\n\n`,
  );
}

const decisionColumns: readonly Column[] = [
  { title: "tensor", flexible: true },
  { title: "shape" },
  { title: "dtype" },
  { title: "" },
  { title: "" },
];

/** All of what would be done. */
function showDecisions(tasks: readonly Task[], { stdout }: Context): void {
  for (const task of tasks) {
    const rows = task.plan.tensors.map(({ info, decision }) => [
      info.name,
      shapeText(info.shape),
      info.dtype,
      decision.quantize ? "quantize" : "keep",
      decision.quantize ? howText(decision) : decision.reason,
    ]);
    stdout.write(
      `${styled(stdout, "bold", titleOf([task]))}\n${tableLines(decisionColumns, rows, widthOf(stdout)).join("\n")}\n${targetOf([task])}, if this were no dry run\n`,
    );
  }
}

async function run(
  tasks: readonly Task[],
  open: (input: Input) => Promise<OpenJob>,
  threads: number,
  overwrite: boolean,
  { stderr, signal }: Context,
): Promise<Done[]> {
  if (tasks.length === 0) return [];
  const total = tasks.reduce((sum, { plan }) => sum + plan.bytesBefore, 0);
  const bar = new ProgressBar(stderr, total);
  const channelwise = await load({ workers: threads });
  const done: Done[] = [];
  let before = 0;
  try {
    for (const task of tasks) {
      signal.throwIfAborted();
      mkdirSync(dirname(task.output), { recursive: true });
      const job = await open(task.input);
      try {
        const result = await job.run(channelwise, task.output, {
          signal,
          overwrite,
          onProgress: (bytesDone, tensor) => bar.update(before + bytesDone, tensor),
        });
        done.push({ ...task, result });
      } finally {
        await job.close();
      }
      before += task.plan.bytesBefore;
    }
    return done;
  } catch (error) {
    bar.clear();
    if (done.length > 0) stderr.write(`${done.length} of ${counted(tasks.length, "file")} were written before\n`);
    throw error;
  } finally {
    bar.clear();
    channelwise.close();
  }
}

/** The last part to be written writes the index too. */
async function joinIfComplete(output: string, { n }: Shard, { stderr }: Context): Promise<string | undefined> {
  const parts = findParts(dirname(output)).find((each) => each.n === n && basename(output).startsWith(`${each.stem}-`));
  if (!parts) return undefined;
  if (parts.missing.length > 0) {
    stderr.write(`${n - parts.missing.length} of ${n} parts are there; the last one writes the index\n`);
    return undefined;
  }
  const index = await writeIndex(parts, true);
  stderr.write(`all ${n} parts are there: ${index} is written\n`);
  return index;
}

function showSummary(done: readonly Done[], { stdout }: Context): void {
  const several = done.length > 1;
  const measured = done.flatMap(({ input, plan, result }) =>
    result.tensors.flatMap((tensor, i) => {
      if (!isQuantized(tensor)) return [];
      const { shape } = plan.tensors[i].info;
      const name = several && result.tensors.length > 1 ? `${input.stem}: ${tensor.tensor}` : tensor.tensor;
      return [{ ...tensor, name, shape }];
    }),
  );
  if (measured.length > 0) {
    const [titles, ...lines] = summaryLines(measured, widthOf(stdout));
    stdout.write(`${styled(stdout, "dim", titles)}\n${lines.join("\n")}\n\n`);
  }
  const after = done.reduce((sum, { result }) => sum + result.byteLength, 0);
  const before = done.reduce((sum, { plan }) => sum + plan.bytesBefore, 0);
  const sorted = worstFirst(measured);
  const median =
    sorted.length > 0
      ? `, SQNR ${decibels(sorted[0].sqnr)} at worst, ${decibels(sorted[sorted.length >> 1].sqnr)} at the median`
      : "";
  const what = several ? counted(done.length, "file") : done.length === 1 ? done[0].output : "nothing to do";
  const sizes = done.length > 0 ? `  ${bytes(before)} to ${bytes(after)}` : "";
  stdout.write(`${styled(stdout, "bold", what)}${sizes}${median}\n`);
}

function taskJson({ input, output, plan }: Task): object {
  return {
    input: input.path,
    output,
    format: plan.format,
    bytesBefore: plan.bytesBefore,
    bytesAfter: plan.bytesAfter,
    tensors: plan.tensors.map(({ info, decision }) => ({ ...decision, shape: info.shape, dtype: info.dtype })),
  };
}

function doneJson({ input, output, plan, result }: Done): object {
  const tensors = result.tensors.map((tensor, i) => ({
    ...tensor,
    shape: plan.tensors[i].info.shape,
    dtype: plan.tensors[i].info.dtype,
  }));
  return {
    input: input.path,
    output,
    format: plan.format,
    bytesBefore: plan.bytesBefore,
    bytesAfter: result.byteLength,
    metadata: result.metadata,
    tensors: [...worstFirst(tensors.filter((t) => t.quantize)), ...tensors.filter((t) => !t.quantize)],
  };
}
