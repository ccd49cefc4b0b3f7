import { basename, dirname } from "node:path";
import { fairPart } from "channelwise/files";
import type { Context, Outcome } from "./context.js";
import { openFilesJob } from "./files-job.js";
import { counted } from "./format.js";
import { findParts, writeIndex } from "./index-file.js";
import { groupInputs, type Input, isOnnx } from "./inputs.js";
import type { Task } from "./job.js";
import { openOnnxJob } from "./onnx-job.js";
import type { Values } from "./options.js";
import { checkOutputs, outputsOf, refuseExisting } from "./outputs.js";
import { groupLines, showDecisions, showNotes, showPlan } from "./plan-view.js";
import { doneJson, showConfigHint, showReport, taskJson } from "./quantize-report.js";
import { type RunTasksOptions, runTasks } from "./run-tasks.js";
import { parseShard, parseThreads, type Shard, settingsOf } from "./settings.js";
import { parseShardName } from "./shards.js";
import { isTerminal, styled } from "./terminal.js";
import { tellPassedOver, tellWarnings } from "./told.js";
import { UsageError } from "./usage-error.js";

type Open = RunTasksOptions["open"];

/** `channelwise quantize` */
export async function quantize(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const { stdout, stderr } = context;
  const { output, force = false, json = false, measure = false } = values;
  if (measure && values["dry-run"]) throw new UsageError("--dry-run and --measure are two things; give one of them");
  const settings = settingsOf(values);
  const shard = values.shard === undefined ? undefined : parseShard(values.shard);
  const threads = values.threads === undefined ? undefined : parseThreads(values.threads);
  const inputs = groupInputs(operands);
  /** Of one model a part of its tensors, of several some of the models. */
  const [modelShard, listShard] = inputs.length === 1 ? [shard, undefined] : [undefined, shard];
  const outputs = outputsOf(inputs, { output, settings, shard: modelShard });
  const open: Open = (input) =>
    isOnnx(input.path) ? openOnnxJob(input, settings) : openFilesJob(input, settings, modelShard);
  const all = await plan(inputs, outputs, open);
  checkOutputs(
    outputs,
    all.flatMap(({ plan }) => plan.reads),
  );
  const tasks = shareOf(all, listShard);
  warnOfPatterns(tasks, context);
  for (const { input, plan } of tasks) {
    tellPassedOver(stderr, input.path, plan.passedOver);
    tellWarnings(stderr, plan.warnings);
  }
  // A part may well have no such tensor.
  if (!modelShard) refuseNothing(tasks, values);
  if (values["dry-run"]) {
    if (!json) showDecisions(stdout, tasks);
    return { exitCode: 0, json: { dryRun: true, files: tasks.map(taskJson) } };
  }

  if (!force && !measure) refuseExisting(tasks.map(({ output }) => output));
  if (isTerminal(stderr)) showPlan(stderr, tasks, !measure);
  else showNotes(stderr, tasks);
  const done = await runTasks(tasks, { open, threads, writes: !measure, overwrite: force }, context);
  if (!json && done.length > 0) showReport(stdout, done, !measure);
  if (shard && done.length === 0) {
    stderr.write(`nothing to do: part ${values.shard} of ${inputs.length} files is empty\n`);
  }
  const index = modelShard && !measure && (await joinIfComplete(outputs[0], modelShard, context));
  const complete = modelShard ? index : done.at(-1)?.output;
  if (!json && !measure && complete && settings.dialect?.startsWith("compressed-tensors")) {
    showConfigHint(stdout, complete);
  }
  return {
    exitCode: 0,
    json: { ...(measure && { measured: true }), files: done.map(doneJson), ...(index && { index }) },
  };
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
function refuseNothing(tasks: readonly Task[], { axis, granularity }: Values): void {
  for (const task of tasks) {
    if (task.plan.tensors.some(({ decision }) => decision.quantize)) continue;
    const reasons = groupLines([task], Infinity).join("\n");
    const nothing = `${task.input.path}: none of its tensors would be quantized`;
    const keptFor = (why: RegExp) =>
      task.plan.tensors.some(({ decision }) => !decision.quantize && why.test(decision.reason));
    if (!keptFor(misfit)) {
      if (keptFor(/quantized already$/) && !keptFor(/^(excluded|kept by an override)$/)) {
        throw new Error(`${task.input.path} is quantized already: give the float model it was made from\n${reasons}`);
      }
      throw new Error(`${nothing}; --include takes patterns\n${reasons}`);
    }
    const given = [axis && `--axis ${axis}`, granularity && `--granularity ${granularity}`]
      .filter(Boolean)
      .join(" and ");
    throw new UsageError(`${nothing}; ${given || "--override"} must fit their shapes\n${reasons}`);
  }
}

/** Why a tensor is kept whose shape has not what the settings ask for: to include it would not help. */
const misfit = /^it has no axis |^groups of .* do not divide /;

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
