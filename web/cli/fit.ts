import { type Budget, type Mix, measureWays, mixesOf, planModel, printable, type Rules } from "channelwise/models";
import { UsageError } from "./command-error.js";
import type { Context } from "./context.js";
import { counted, decibels } from "./format.js";
import type { Input } from "./inputs.js";
import type { Job } from "./job.js";
import type { Values } from "./options.js";
import { ProgressBar } from "./progress.js";
import { parseLimit, type Settings } from "./settings.js";
import { withWorkers } from "./workers.js";

// Chooses the settings of each tensor, so that the file keeps to a budget.

const unitBytes = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** The budget that the options give. */
export function budgetOf({ fit, "min-sqnr-each": each, ...values }: Values): Budget | undefined {
  if (fit === undefined && each === undefined) return undefined;
  if (fit !== undefined && each !== undefined) {
    throw new UsageError("--fit and --min-sqnr-each exclude each other; give one of them");
  }
  const option = fit === undefined ? "--min-sqnr-each" : "--fit";
  for (const name of ["bits", "shard"] as const) {
    if (values[name] === undefined) continue;
    const why = name === "bits" ? "which chooses the bits of each tensor" : "which looks at all of the model";
    throw new UsageError(`--${name} cannot be given with ${option}, ${why}: leave out one of them`);
  }
  return fit === undefined ? { sqnrEach: parseLimit(option, each as string) } : parseFit(fit);
}

function parseFit(text: string): Budget {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?(bpw|dB|[kMG]?B)$/i.exec(text) ?? [];
  if (number === undefined) {
    throw new UsageError(
      `--fit is ${text}; it must be a size such as 2.5MB or 4.2GB, bits a weight such as 4.5bpw, or an SQNR such as 30dB`,
    );
  }
  const value = Number(number);
  const lower = unit.toLowerCase();
  if (lower === "db") return { sqnr: value };
  const bytes = Math.floor(value * unitBytes[lower as keyof typeof unitBytes]);
  if (value === 0 || bytes === 0) {
    throw new UsageError(`--fit is ${text}; it must be more than 0${value === 0 ? "" : ", and a size at least 1B"}`);
  }
  return lower === "bpw" ? { bitsPerWeight: value } : { bytes };
}

/** GGUFs get types of blocks, which are the best codes for their bytes, unless something else is asked for. */
export function settingsForBudget(settings: Settings, inputs: readonly Input[]): Settings {
  const isGguf = inputs.every(({ path }) => /\.gguf$/i.test(path));
  if (!isGguf || settings.type !== undefined || settings.dialect !== undefined) return settings;
  return { ...settings, type: "Q4_K_M" };
}

/** The jobs, each with the best mix within the budget. Every way reads the model once. */
export async function fitJobs(
  jobs: readonly Job[],
  budget: Budget,
  { rules, threads }: { readonly rules: Rules; readonly threads: number | undefined },
  { stderr, signal }: Context,
): Promise<Job[]> {
  const bar = new ProgressBar(stderr);
  const all = jobs.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const fitted: Job[] = [];
  let before = 0;
  await withWorkers(threads, async (channelwise) => {
    for (const job of jobs) {
      const { model } = job.plan;
      const onProgress = ({ done, total, tensor }: { done: number; total: number; tensor: string }) =>
        bar.update(before + (done / total) * job.bytesBefore, all, tensor);
      const ways = await measureWays(channelwise, model, undefined, rules, { signal, onProgress }).finally(() =>
        bar.clear(),
      );
      const mix = within(job, () => mixesOf(ways).within(budget));
      if ("sqnrEach" in budget && mix.worst.sqnr < budget.sqnrEach) stderr.write(shortfall(job, budget.sqnrEach, mix));
      fitted.push({ ...job, plan: planModel(model, mix.rules), bytesAfter: mix.byteLength, mix });
      before += job.bytesBefore;
    }
  });
  return fitted;
}

/** A note on tensors that no settings bring as far as was asked for. */
function shortfall({ input }: Job, limit: number, { worst }: Mix): string {
  const best = `${printable(worst.tensor)} has ${decibels(worst.sqnr)} with its best ones`;
  return `${printable(input.path)}: no settings give each tensor ${decibels(limit)} (--min-sqnr-each): ${best}.\n`;
}

/** What no mix meets is said of the option and the file. */
function within(job: Job, work: () => Mix): Mix {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { dialect } = job.plan.target;
    const remedy =
      dialect === undefined || dialect.startsWith("compressed-tensors")
        ? ""
        : `; the dialect ${dialect} takes a byte for each code, and compressed-tensors packs 4 bits`;
    throw new UsageError(`--fit: ${printable(job.input.path)}: ${error.message}${remedy}`);
  }
}

/** "7.02 bits a weight, 36.10 dB in the mean of 12 tensors" */
export function mixText({ bitsPerWeight, sqnr }: Mix, tensors: number): string {
  return `${bitsPerWeight.toFixed(2)} bits a weight, ${decibels(sqnr)} in the mean of ${counted(tensors, "tensor")}`;
}
