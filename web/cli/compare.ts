import {
  type ComparedTensor,
  type Comparison,
  compareModels,
  openModel,
  type RunOptions,
  shownName,
} from "channelwise/models";
import { UsageError } from "./command-error.js";
import { compareByRunning } from "./compare-nodes.js";
import type { Context, Outcome } from "./context.js";
import { bytes, counted, decibels, magnitude, oneLine } from "./format.js";
import { modelFile } from "./inputs.js";
import { showMeasured, sqnrText, worstFirst } from "./measured.js";
import type { Values } from "./options.js";
import { ProgressBar } from "./progress.js";
import { tellReading } from "./reading.js";
import { parseLimit } from "./settings.js";
import { styled } from "./terminal.js";
import { tellPassedOver } from "./told.js";
import { withWorkers } from "./workers.js";

/** More lines would hide the tables. */
const MOST_FAILURES = 10;

type Near = Extract<ComparedTensor, { result: "near" }>;

interface Limits {
  /** The least SQNR in dB. */
  readonly minSqnr: number;
  readonly maxError: number;
}

/** `channelwise compare` */
export async function compare(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const [a, b] = operands.map(modelFile);
  if (values.run) return compareByRunning(a, b, values, context);
  const without = (["input", "min-output-sqnr"] as const).find((name) => values[name] !== undefined);
  if (without) throw new UsageError(`--${without} is for models that are run; give --run too`);
  const limits = limitsOf(values);
  const { comparison, shapes } = await run(a, b, context);
  const { tensors, missing, added } = comparison;
  if (tensors.length === 0) {
    throw new Error(`${b} has none of the ${counted(missing.length, "tensor")} of ${a}: no name is in both`);
  }
  const failures = limits ? failuresOf(comparison, limits) : [];
  if (!values.json) show(shapes, comparison, failures, context);
  const sorted = [...worstFirst(tensors.filter(isNear)), ...tensors.filter((tensor) => !isNear(tensor))];
  return {
    exitCode: failures.length > 0 ? 3 : 0,
    json: { original: a, model: b, tensors: sorted, missing, added, failures },
  };
}

function limitsOf({ "min-sqnr": minSqnr, "max-error": maxError }: Values): Limits | undefined {
  if (minSqnr === undefined && maxError === undefined) return undefined;
  return {
    minSqnr: minSqnr === undefined ? -Infinity : parseLimit("--min-sqnr", minSqnr),
    maxError: maxError === undefined ? Infinity : parseLimit("--max-error", maxError, 0),
  };
}

interface Compared {
  readonly comparison: Comparison;
  /** The shapes of the original's tensors, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

async function run(a: string, b: string, context: Context): Promise<Compared> {
  const original = await openModel(a);
  try {
    const model = await openModel(b);
    tellPassedOver(context.stderr, a, original.passedOver);
    tellPassedOver(context.stderr, b, model.passedOver);
    tellReading(context.stderr, a, original);
    tellReading(context.stderr, b, model);
    try {
      const comparison = await withProgress(context, (options) =>
        withWorkers(undefined, (channelwise) => compareModels(channelwise, original, model, options)),
      );
      return { comparison, shapes: shapesOf(original.tensors) };
    } finally {
      await model.close();
    }
  } finally {
    await original.close();
  }
}

function shapesOf(tensors: readonly { name: string; shape: readonly number[] }[]): Compared["shapes"] {
  return new Map(tensors.map(({ name, shape }) => [name, shape]));
}

async function withProgress<R>({ stderr, signal }: Context, work: (options: RunOptions) => Promise<R>): Promise<R> {
  const bar = new ProgressBar(stderr);
  try {
    return await work({ signal, onProgress: ({ done, total, tensor }) => bar.update(done, total, tensor) });
  } finally {
    bar.clear();
  }
}

function isNear(tensor: ComparedTensor): tensor is Near {
  return tensor.result === "near";
}

/** Sentences on tensors that exceed the limits, or cannot be compared with them. */
function failuresOf({ tensors, missing }: Comparison, { minSqnr, maxError }: Limits): string[] {
  return [
    ...tensors.flatMap((each) => {
      if (each.result === "other") return [`${each.tensor} cannot be compared: ${each.reason}`];
      if (each.result === "same") return [];
      const { tensor } = each;
      const low = each.sqnr < minSqnr ? [`${tensor} has an SQNR of ${decibels(each.sqnr)}, below ${minSqnr} dB`] : [];
      const far =
        each.maxError > maxError ? [`${tensor} has an error of ${magnitude(each.maxError)}, above ${maxError}`] : [];
      return [...low, ...far];
    }),
    ...missing.map((tensor) => `${tensor} is missing`),
  ];
}

function show(
  shapes: Compared["shapes"],
  comparison: Comparison,
  failures: readonly string[],
  { stdout, stderr }: Context,
): void {
  const { tensors, missing, added } = comparison;
  const measured = tensors.filter(isNear).map((near) => ({
    ...near,
    name: near.tensor,
    shape: shapes.get(near.tensor) ?? [],
  }));
  showMeasured(stdout, measured);
  for (const each of tensors) {
    if (each.result === "other")
      stdout.write(`${shownName(each.tensor)} cannot be compared: ${oneLine(each.reason)}\n`);
  }
  const same = tensors.filter(({ result }) => result === "same").length;
  const sum = (key: "bytesBefore" | "bytesAfter") => bytes(tensors.reduce((total, each) => total + each[key], 0));
  const facts = [`${counted(same, "tensor")} the same`, `${measured.length} near`];
  if (missing.length > 0) facts.push(`${missing.length} missing (${someOf(missing)})`);
  if (added.length > 0) facts.push(`${added.length} added (${someOf(added)})`);
  stdout.write(`${facts.join(", ")}  ${sum("bytesBefore")} to ${sum("bytesAfter")}\n`);
  if (measured.length > 0) stdout.write(`${sqnrText(measured)}\n`);
  for (const failure of failures.slice(0, MOST_FAILURES)) {
    stderr.write(`${styled(stderr, "red", "over the limit:")} ${oneLine(failure)}\n`);
  }
  const rest = failures.length - MOST_FAILURES;
  if (rest > 0) stderr.write(`and ${rest} more\n`);
}

function someOf(names: readonly string[]): string {
  const some = names.slice(0, 3).map(shownName).join(", ");
  return names.length > 3 ? `${some} ...` : some;
}
