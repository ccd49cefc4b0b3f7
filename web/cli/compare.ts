import { type ComparedTensor, type Comparison, compareModels, type Model, openModel } from "channelwise/files";
import type { Context, Outcome } from "./context.js";
import { bytes, counted, decibels, magnitude } from "./format.js";
import { isOnnx, modelFile } from "./inputs.js";
import { showMeasured, sqnrText, worstFirst } from "./measured.js";
import type { Values } from "./options.js";
import { ProgressBar } from "./progress.js";
import { parseLimit } from "./settings.js";
import { styled } from "./terminal.js";
import { UsageError } from "./usage-error.js";
import { withWorkers } from "./workers.js";

/** More would hide the tables. */
const MOST_FAILURES = 10;

type Near = Extract<ComparedTensor, { result: "near" }>;

interface Limits {
  /** In dB. */
  readonly minSqnr: number;
  readonly maxError: number;
}

/** `channelwise compare` */
export async function compare(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const limits = limitsOf(values);
  const [a, b] = operands.map(modelFile);
  if (isOnnx(a) || isOnnx(b)) {
    throw new UsageError("compare takes no .onnx models; quantize --measure finds the errors of their weights");
  }
  const original = await openModel(a);
  try {
    const model = await openModel(b);
    try {
      const comparison = await run(original, model, context);
      const failures = limits ? failuresOf(comparison, limits) : [];
      if (!values.json) show(original, comparison, failures, context);
      const { tensors, missing, added } = comparison;
      const sorted = [...worstFirst(tensors.filter(isNear)), ...tensors.filter((tensor) => !isNear(tensor))];
      return {
        exitCode: failures.length > 0 ? 3 : 0,
        json: { original: a, model: b, tensors: sorted, missing, added, failures },
      };
    } finally {
      await model.close();
    }
  } finally {
    await original.close();
  }
}

function limitsOf({ "min-sqnr": minSqnr, "max-error": maxError }: Values): Limits | undefined {
  if (minSqnr === undefined && maxError === undefined) return undefined;
  return {
    minSqnr: minSqnr === undefined ? -Infinity : parseLimit("--min-sqnr", minSqnr),
    maxError: maxError === undefined ? Infinity : parseLimit("--max-error", maxError),
  };
}

async function run(original: Model, model: Model, { stderr, signal }: Context): Promise<Comparison> {
  const bar = new ProgressBar(stderr);
  try {
    return await withWorkers(undefined, (channelwise) =>
      compareModels(channelwise, original, model, {
        signal,
        onProgress: ({ done, total, tensor }) => bar.update(done, total, tensor),
      }),
    );
  } finally {
    bar.clear();
  }
}

function isNear(tensor: ComparedTensor): tensor is Near {
  return tensor.result === "near";
}

/** What is beyond the limits, and what cannot be held against them, a sentence each. */
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

function show(original: Model, comparison: Comparison, failures: readonly string[], { stdout, stderr }: Context): void {
  const { tensors, missing, added } = comparison;
  const shapes = new Map(original.tensors.map(({ name, shape }) => [name, shape]));
  const measured = tensors.filter(isNear).map((near) => ({
    ...near,
    name: near.tensor,
    shape: shapes.get(near.tensor) ?? [],
  }));
  showMeasured(stdout, measured);
  for (const each of tensors) {
    if (each.result === "other") stdout.write(`${each.tensor} cannot be compared: ${each.reason}\n`);
  }
  const same = tensors.filter(({ result }) => result === "same").length;
  const sum = (key: "bytesBefore" | "bytesAfter") => bytes(tensors.reduce((total, each) => total + each[key], 0));
  const facts = [`${counted(same, "tensor")} the same`, `${measured.length} near`];
  if (missing.length > 0) facts.push(`${missing.length} missing (${someOf(missing)})`);
  if (added.length > 0) facts.push(`${added.length} added (${someOf(added)})`);
  stdout.write(`${facts.join(", ")}  ${sum("bytesBefore")} to ${sum("bytesAfter")}\n`);
  if (measured.length > 0) stdout.write(`${sqnrText(measured)}\n`);
  for (const failure of failures.slice(0, MOST_FAILURES)) {
    stderr.write(`${styled(stderr, "red", "over the limit:")} ${failure}\n`);
  }
  const rest = failures.length - MOST_FAILURES;
  if (rest > 0) stderr.write(`and ${rest} more\n`);
}

function someOf(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} ...` : names.join(", ");
}
