import { join } from "node:path";
import { fileSink, type GgufFile, joinGguf, type Model, openModel, printable, splitGguf } from "channelwise/models";
import { writingOutput } from "./begun-output.js";
import { UsageError } from "./command-error.js";
import type { Context, Outcome } from "./context.js";
import { bytes, counted } from "./format.js";
import { groupInputs, type Input } from "./inputs.js";
import type { Values } from "./options.js";
import { checkOutputs, refuseExisting } from "./outputs.js";
import { ProgressBar } from "./progress.js";

/** wllama can only load files below 2 GB. */
const DEFAULT_SIZE = "2000M";

/** `channelwise split`: writes a GGUF as parts, or with --join its parts as one file. */
export async function split(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const [input, ...others] = groupInputs(operands);
  if (others.length > 0) throw new UsageError("split takes one model, and several are given");
  const maxBytes = sizeOf(values["max-size"] ?? DEFAULT_SIZE);
  if (values.join && values["max-size"] !== undefined)
    throw new UsageError("--join and --max-size exclude each other; give one of them");
  const model = await openModel(input.files);
  try {
    const parts = values.join ? [joinGguf(model)] : splitGguf(model, maxBytes);
    const names = values.join ? [`${input.stem}.gguf`] : partNames(input.stem, parts.length);
    const outputs = names.map((name) => join(values.output ?? input.folder, name));
    return await writeAll(model, input, parts, outputs, values, context);
  } finally {
    await model.close();
  }
}

/** The names that gguf-split gives. */
function partNames(stem: string, count: number): string[] {
  const five = (value: number) => String(value).padStart(5, "0");
  return Array.from({ length: count }, (_, i) => `${stem}-${five(i + 1)}-of-${five(count)}.gguf`);
}

/** Parses a size such as "2G" or "500M", in units of 1000 as in gguf-split. */
function sizeOf(text: string): number {
  const [, number, unit] = /^(\d+)([MG])$/i.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) {
    throw new UsageError(`--max-size is ${text}; it must be a number with M or G, such as 2G`);
  }
  return Number(number) * (unit.toUpperCase() === "G" ? 1e9 : 1e6);
}

async function writeAll(
  model: Model,
  input: Input,
  parts: readonly GgufFile[],
  outputs: readonly string[],
  { force, json }: Values,
  context: Context,
): Promise<Outcome> {
  checkOutputs(
    outputs,
    model.files.map((name) => join(input.folder, name)),
  );
  if (!force) refuseExisting(outputs);
  const bar = new ProgressBar(context.stderr);
  const total = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let before = 0;
  for (const [i, part] of parts.entries()) {
    const others = i > 0 ? `; ${i} of ${counted(parts.length, "part")} are` : "";
    const write = async () =>
      part.write(await fileSink(outputs[i], { overwrite: force === true }), {
        signal: context.signal,
        onProgress: ({ done, tensor }) => bar.update(before + done, total, tensor),
      });
    await writingOutput(outputs[i], context, () => write().finally(() => bar.clear()), others);
    before += part.byteLength;
  }
  if (!json) {
    for (const [i, output] of outputs.entries()) {
      context.stdout.write(`${printable(output)}  ${bytes(parts[i].byteLength)}\n`);
    }
  }
  const files = outputs.map((output, i) => ({ output, byteLength: parts[i].byteLength }));
  return { exitCode: 0, json: { input: input.path, files } };
}
