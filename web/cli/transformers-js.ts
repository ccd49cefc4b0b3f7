import { copyFileSync, existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { printable } from "channelwise/models";
import { UsageError } from "./command-error.js";
import type { Context } from "./context.js";
import { type Input, isOnnx } from "./inputs.js";
import type { Job } from "./job.js";
import { type OptionName, options, type Values } from "./options.js";
import type { Settings } from "./settings.js";

// The folder that transformers.js loads a model from: files of one model in several types, below the files that
// describe the model. Names are those of its src/utils/dtypes.js.

/** The suffix of each file, with the settings that it has. */
const types: Readonly<Record<string, Settings>> = {
  // Codes of uint8 give the same outputs on every processor.
  _quantized: { target: "wasm", weightType: "uint8" },
  _int8: { target: "wasm", weightType: "int8" },
  _uint8: { target: "wasm", weightType: "uint8" },
  _q4: { target: "webgpu", bits: 4, granularity: { group: 32 } },
  _q4f16: { target: "webgpu", bits: 4, granularity: { group: 32 }, float16: true },
  _fp16: { float16: true, exclude: ["*"], include: [], overrides: {} },
};

/** The options that the files decide. */
const decided =
  "dialect type encoder convrot requantize fit min-sqnr-each bits axis granularity target weight-type conv-integer float16 shard"
    .split(" ")
    .filter((name): name is OptionName => name in options);

/** What describes a model and its inputs. */
const descriptions = [
  ..."config generation_config preprocessor_config processor_config tokenizer tokenizer_config special_tokens_map"
    .split(" ")
    .map((name) => `${name}.json`),
  ..."added_tokens.json vocab.json vocab.txt merges.txt tokenizer.model chat_template.jinja chat_template.json".split(
    " ",
  ),
];

/** A file to write, and its settings. */
interface TypedOutput {
  readonly output: string;
  readonly settings: Settings;
}

/** @throws {UsageError} for another loader */
export function transformersJs(name: string) {
  if (name !== "transformers.js") throw new UsageError(`--for is ${name}; it must be transformers.js`);
  return { outputsOf, whyLeftOut, finish };
}

/** @throws {UsageError} for a model that is no .onnx file, and for options that the files decide. */
function outputsOf({ path, folder, stem }: Input, values: Values, settings: Settings): TypedOutput[] {
  if (!isOnnx(path)) throw new UsageError(`--for transformers.js takes .onnx models, and ${path} is none`);
  const given = decided.find((option) => values[option] !== undefined);
  if (given) throw new UsageError(`--${given} cannot be given with --for, whose files decide it: leave it out`);
  const { output = join(folder, `${stem}-transformers.js`) } = values;
  return Object.entries(types).map(([suffix, own]) => ({
    output: join(output, "onnx", `${stem}${suffix}.onnx`),
    settings: { ...settings, ...own },
  }));
}

/** The sentence on a file that cannot be written, while others can. */
function whyLeftOut(output: string, error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : "";
  return /float16 is true/.test(message) ? `${basename(output)} is left out: ${message.replace(/^--/, "")}` : undefined;
}

/** Copies what describes the models beside them, and says what is left out. */
function finish(jobs: readonly Job[], { stderr }: Context): void {
  const copied = new Set<string>();
  for (const { input, output } of jobs) {
    const folder = resolve(input.folder);
    const sources = basename(folder) === "onnx" ? [folder, dirname(folder)] : [folder];
    for (const name of descriptions) {
      const from = sources.map((each) => join(each, name)).find((path) => existsSync(path));
      const to = join(dirname(dirname(output)), name);
      if (from === undefined || existsSync(to)) continue;
      copyFileSync(from, to);
      copied.add(name);
    }
  }
  if (copied.size > 0) stderr.write(`copied ${[...copied].map(printable).join(", ")}\n`);
  stderr.write("_bnb4 is left out: its codes are places in a table of 16 floats, and no integers\n");
}
