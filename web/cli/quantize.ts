import { basename, dirname } from "node:path";
import { type Budget, fairPart, printable } from "channelwise/models";
import { CommandError, UsageError } from "./command-error.js";
import type { Context, Outcome } from "./context.js";
import { budgetOf, fitJobs, settingsForBudget } from "./fit.js";
import { counted, oneLine } from "./format.js";
import { findParts, writeIndex } from "./index-file.js";
import { groupInputs, type Input } from "./inputs.js";
import { type Job, openJob } from "./job.js";
import { keepNodesOf, outputBoundOf, unmetText } from "./keep-nodes.js";
import type { Values } from "./options.js";
import { checkOutputs, outputsOf, refuseExisting } from "./outputs.js";
import { groupLines, showDecisions, showNotes, showPlan } from "./plan-view.js";
import { InputError } from "./problems.js";
import { doneJson, jobJson, showConfigHint, showReport } from "./quantize-report.js";
import { tellReading } from "./reading.js";
import { runJobs } from "./run-jobs.js";
import { parseShard, parseThreads, type Settings, type Shard, settingsOf } from "./settings.js";
import { styled } from "./terminal.js";
import { tellMissingParts, tellPassedOver, tellWarnings } from "./told.js";
import { transformersJs } from "./transformers-js.js";

/** `channelwise quantize` */
export async function quantize(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const { output, measure = false } = values;
  if (measure && values["dry-run"])
    throw new UsageError("--dry-run and --measure exclude each other; give one of them");
  const budget = budgetOf(values);
  const shard = values.shard === undefined ? undefined : parseShard(values.shard);
  const threads = values.threads === undefined ? undefined : parseThreads(values.threads);
  const inputs = groupInputs(operands);
  const minOutputSqnr = outputBoundOf(values, inputs);
  const settings = budget ? settingsForBudget(settingsOf(values), inputs) : settingsOf(values);
  /** A part has some of the tensors of a single model, or some of several models. */
  const [modelShard, listShard] = inputs.length === 1 ? [shard, undefined] : [undefined, shard];
  const forLoader = values.for === undefined ? undefined : transformersJs(values.for);
  const tasks: readonly Task[] = forLoader
    ? inputs.flatMap((input) => forLoader.outputsOf(input, values, settings).map((typed) => ({ input, ...typed })))
    : outputsOf(inputs, { output, settings, shard: modelShard, isMixed: budget !== undefined }).map((output, i) => ({
        // A budget chooses the groups in which errors are balanced.
        ...{ input: inputs[i], output, settings: budget ? { ...settings, balance: undefined } : settings },
      }));
  const jobs: Job[] = [];
  try {
    for (const { input, output, settings } of tasks) {
      try {
        jobs.push(await openJob(input, output, settings, modelShard));
      } catch (error) {
        const leftOut = forLoader?.whyLeftOut(output, error);
        if (leftOut === undefined) throw inputs.length > 1 ? new InputError(input.path, error) : error;
        context.stderr.write(`${oneLine(leftOut)}\n`);
      }
    }
    checkOutputs(
      jobs.map(({ output }) => output),
      jobs.flatMap(({ reads }) => reads),
    );
    const outcome = await quantizeJobs(
      shareOf(jobs, listShard),
      { values, settings, budget, minOutputSqnr, modelShard, threads, inputs },
      context,
    );
    if (forLoader && !measure && !values["dry-run"]) forLoader.finish(jobs, context);
    return outcome;
  } finally {
    for (const { plan } of jobs) await plan.model.close();
  }
}

/** A file to write, and the settings for it. */
interface Task {
  readonly input: Input;
  readonly output: string;
  readonly settings: Settings;
}

interface Asked {
  readonly values: Values;
  readonly settings: Settings;
  readonly budget: Budget | undefined;
  readonly minOutputSqnr: number | undefined;
  readonly modelShard: Shard | undefined;
  readonly threads: number | undefined;
  readonly inputs: readonly unknown[];
}

async function quantizeJobs(
  planned: readonly Job[],
  { values, settings, budget, minOutputSqnr, modelShard, threads, inputs }: Asked,
  context: Context,
): Promise<Outcome> {
  const { stdout, stderr } = context;
  const { force = false, json = false, measure = false } = values;
  warnOfPatterns(planned, context);
  for (const { input, plan } of planned) {
    tellMissingParts(stderr, input);
    tellReading(stderr, input.path, plan.model);
    tellPassedOver(stderr, input.path, plan.model.passedOver);
    tellWarnings(stderr, plan.warnings);
  }
  // A part may have no such tensor.
  if (!modelShard) refuseNothing(planned, values);
  if (!force && !measure && !values["dry-run"]) refuseExisting(planned.map(({ output }) => output));
  const chosen = budget
    ? await fitJobs(planned, budget, { rules: settings, threads }, context)
    : minOutputSqnr !== undefined
      ? await keepNodesOf(planned, minOutputSqnr, { values, rules: settings, threads }, context)
      : planned;
  const failures = chosen.flatMap((job) => unmetText(job, minOutputSqnr ?? 0) ?? []);
  for (const failure of failures) stderr.write(`${styled(stderr, "red", "over the limit:")} ${oneLine(failure)}\n`);
  const exitCode = failures.length > 0 ? 3 : 0;
  if (values["dry-run"]) {
    if (!json) showDecisions(stdout, chosen);
    return { exitCode, json: { dryRun: true, files: chosen.map(jobJson), ...(exitCode > 0 && { failures }) } };
  }
  const jobs = chosen.filter(({ search }) => search?.isMet !== false);

  if (stderr.isTerminal) showPlan(stderr, jobs, !measure);
  else showNotes(stderr, jobs);
  const done = await runJobs(jobs, { threads, writes: !measure, overwrite: force }, context);
  if (!json && done.length > 0) showReport(stdout, done, !measure);
  if (values.shard && done.length === 0) {
    stderr.write(`nothing to do: part ${values.shard} of ${inputs.length} files is empty\n`);
  }
  const index = modelShard && !measure && (await joinIfComplete(jobs[0].output, modelShard, context));
  const complete = modelShard ? index : done.at(-1)?.output;
  if (!json && !measure && complete && settings.dialect?.startsWith("compressed-tensors")) {
    showConfigHint(stdout, complete);
  }
  return {
    exitCode,
    json: {
      ...(measure && { measured: true }),
      files: done.map(doneJson),
      ...(index && { index }),
      ...(exitCode > 0 && { failures, unmet: chosen.filter((job) => !jobs.includes(job)).map(jobJson) }),
    },
  };
}

function shareOf(jobs: readonly Job[], shard: Shard | undefined): readonly Job[] {
  if (!shard) return jobs;
  const items = jobs.map((job) => ({ size: job.bytesBefore, job }));
  return fairPart(items, shard.k, shard.n).map(({ job }) => job);
}

function warnOfPatterns(jobs: readonly Job[], { stderr }: Context): void {
  const [first, ...others] = jobs;
  for (const pattern of first?.plan.unmatched ?? []) {
    if (others.some(({ plan }) => !plan.unmatched.includes(pattern))) continue;
    stderr.write(`${styled(stderr, "yellow", "warning:")} the pattern ${printable(pattern)} matches no tensor\n`);
  }
}

/** Throws where nothing would be quantized: nobody wants such a file. */
function refuseNothing(jobs: readonly Job[], { axis, granularity, float16, for: loader }: Values): void {
  for (const job of jobs) {
    const { decisions } = job.plan;
    if (float16 || loader || decisions.some(({ quantize }) => quantize)) continue;
    const { path } = job.input;
    if (decisions.length === 0) throw new CommandError(`${path} has no tensors`);
    const reasons = groupLines([job], Infinity);
    const nothing = `${path}: none of its tensors would be quantized`;
    const keptFor = (why: RegExp) => decisions.some((decision) => !decision.quantize && why.test(decision.reason));
    if (!keptFor(misfit)) {
      if (keptFor(/quantized already$/) && !keptFor(/^(excluded|kept by an override)$/)) {
        throw new CommandError(`${path} is quantized already: give the float model it was made from`, reasons);
      }
      throw new CommandError(`${nothing}; --include takes patterns`, reasons);
    }
    const given = [axis && `--axis ${axis}`, granularity && `--granularity ${granularity}`]
      .filter(Boolean)
      .join(" and ");
    throw new UsageError(`${nothing}; ${given || "--override"} must fit their shapes`, reasons);
  }
}

/** The reasons for a tensor whose shape does not fit the settings. Including it would not help. */
const misfit = /^it has no axis |^groups of .* do not divide /;

/** Writes the index when the last part is there, and returns its path. */
async function joinIfComplete(output: string, { n }: Shard, { stderr }: Context): Promise<string | undefined> {
  const parts = findParts(dirname(output)).find(({ files }) => files.includes(basename(output)));
  if (!parts) return undefined;
  if (parts.missing.length > 0) {
    stderr.write(`${n - parts.missing.length} of ${counted(n, "part")} are there; the last one writes the index\n`);
    return undefined;
  }
  const { path, warnings } = await writeIndex(parts, true);
  tellWarnings(stderr, warnings);
  stderr.write(`all ${counted(n, "part")} are there: wrote ${printable(path)}\n`);
  return path;
}
