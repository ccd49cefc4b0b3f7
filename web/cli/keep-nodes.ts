import { type KeptNodes, keepNodes, outputBytes, printable, type Rules } from "channelwise/models";
import { UsageError } from "./command-error.js";
import type { Context } from "./context.js";
import { bytes, counted, decibels, oneLine } from "./format.js";
import { type Input, isOnnx } from "./inputs.js";
import type { Job } from "./job.js";
import { runWith } from "./onnx-runtime.js";
import type { Values } from "./options.js";
import { ProgressBar } from "./progress.js";
import { parseLimit } from "./settings.js";
import { type Column, tableLines } from "./table.js";
import { withWorkers } from "./workers.js";

// Keeps single nodes of .onnx models float, so that their outputs keep to a bound.

const option = "--min-output-sqnr";

/** More lines would hide the rest of the report in a terminal. */
const MOST_ROWS = 12;

/** The least SQNR of outputs that is asked for, in dB. */
export function outputBoundOf(values: Values, inputs: readonly Input[]): number | undefined {
  const { "min-output-sqnr": least, input } = values;
  if (least === undefined) {
    if (input === undefined) return undefined;
    throw new UsageError(`--input is for models that are run; give ${option} too`);
  }
  for (const name of ["fit", "min-sqnr-each", "shard", "for"] as const) {
    if (values[name] !== undefined)
      throw new UsageError(`--${name} and ${option} exclude each other; give one of them`);
  }
  const other = inputs.find(({ path }) => !isOnnx(path));
  if (other) throw new UsageError(`${option} is for .onnx models, which can be run, and ${other.path} is none`);
  return parseLimit(option, least);
}

/** The jobs, each with nodes that stay float. Each weight has the model quantized and run once. */
export async function keepNodesOf(
  jobs: readonly Job[],
  minOutputSqnr: number,
  { values, rules, threads }: { values: Values; rules: Rules; threads: number | undefined },
  { stderr, signal }: Context,
): Promise<Job[]> {
  // The kernels of the runtime that the model is for may differ from others.
  const isNative = rules.target === "native";
  const { run } = await runWith(values.input ?? [], option, isNative ? "onnxruntime-node" : "onnxruntime-web");
  const bar = new ProgressBar(stderr);
  return withWorkers(threads, async (channelwise) => {
    const found: Job[] = [];
    for (const job of jobs) {
      const { model } = job.plan;
      const search = await keepNodes(channelwise, model, { run, minOutputSqnr }, rules, {
        signal,
        onProgress: ({ done, total, tensor }) => bar.update(done, total, tensor),
      }).finally(() => bar.clear());
      found.push({ ...job, plan: search.plan, bytesAfter: outputBytes(search.plan), search });
    }
    return found;
  });
}

/** The sentence on a model whose outputs do not reach the bound. */
export function unmetText({ input, search }: Job, minOutputSqnr: number): string | undefined {
  if (search === undefined || search.isMet) return undefined;
  const { kept, after, plan } = search;
  const best = `${decibels(leastOf(after))} is the best, with ${floatText(kept.length, plan)}`;
  const limit = `${decibels(minOutputSqnr)} (${option})`;
  return `${printable(input.path)}: no float nodes give every output ${limit}: ${best}. Nothing is written: give more bits, or a lower limit`;
}

const columns: readonly Column[] = [
  { title: "node that stays float", shorten: "middle" },
  { title: "weight", shorten: "middle" },
  { title: "bytes", number: true },
  { title: "quantized", number: true },
  { title: "alone", number: true },
];

/** The lines on what stays float, and what it gains. */
export function keptNodesLines({ search }: Job, width: number): string[] {
  if (search === undefined) return [];
  const { before, after, kept, plan } = search;
  const all = `outputs have ${decibels(leastOf(before))} with all weights quantized`;
  if (kept.length === 0) return [all];
  const more = kept.reduce((sum, { byteLength, quantizedBytes }) => sum + byteLength - quantizedBytes, 0);
  const text = `${all}, and ${decibels(leastOf(after))} with ${floatText(kept.length, plan)} (${bytes(more)} more)`;
  const shown = width === Infinity ? kept : kept.slice(0, MOST_ROWS);
  const rows = shown.map(({ nodes, tensor, byteLength, quantizedBytes, sqnr }) => [
    ...[oneLine(nodes.join(", ")), oneLine(tensor)],
    ...[bytes(byteLength), bytes(quantizedBytes), decibels(sqnr)],
  ]);
  const rest = kept.length - shown.length;
  const others = rest > 0 ? [`and ${counted(rest, "more weight")}; a pipe gets all of them`] : [];
  return [text, ...tableLines(columns, rows, width), ...others];
}

export function searchJson({ search }: Job): object {
  if (search === undefined) return {};
  const { isMet, kept, before, after } = search;
  return { outputs: { isMet, before, after, kept } };
}

function floatText(count: number, { decisions }: KeptNodes["plan"]): string {
  const quantized = decisions.filter(({ quantize }) => quantize).length;
  return `${count} of ${counted(count + quantized, "weight")} float`;
}

function leastOf(outputs: KeptNodes["after"]): number {
  return outputs.reduce((least, { sqnr }) => Math.min(least, sqnr), Infinity);
}
