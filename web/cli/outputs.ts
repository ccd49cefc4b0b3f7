import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./command-error.js";
import { type Input, isOnnx } from "./inputs.js";
import type { Settings, Shard } from "./settings.js";
import { shardName } from "./shards.js";

export interface Naming {
  readonly output: string | undefined;
  readonly settings: Settings;
  /** The part to write, where one model is written in parts. */
  readonly shard: Shard | undefined;
  /** Whether each tensor gets settings of its own, which no name can tell. */
  readonly isMixed: boolean;
}

/** The endings that mark an output as a file. */
const fileEnding = /\.(safetensors|gguf|npz|onnx)$/i;

/** The file that each input is written to. */
export function outputsOf(inputs: readonly Input[], { output, settings, shard, isMixed }: Naming): string[] {
  const nameOf = (input: Input) => defaultName(input, settings, isMixed);
  if (shard) return [partOutput(inputs[0], output, settings, shard)];
  if (output === undefined) return inputs.map((input) => join(input.folder, nameOf(input)));
  const isFolder = isFolderName(output);
  if (isFolder || inputs.length > 1) {
    if (!isFolder && (existsSync(output) || fileEnding.test(output))) {
      throw new UsageError(`-o is ${output}, a file; it must be a folder, since ${inputs.length} models are given`);
    }
    return inputs.map((input) => join(output, nameOf(input)));
  }
  const ending = endingOf(inputs[0], settings);
  if (!output.toLowerCase().endsWith(ending)) {
    const { dialect = "plain" } = settings;
    const why =
      settings.type !== undefined
        ? "of a GGUF"
        : isOnnx(inputs[0].path)
          ? "of an .onnx model"
          : `with the dialect ${dialect}`;
    // A file named .npz has that dialect, unless another is given.
    const other =
      ending === ".safetensors" && settings.dialect === undefined ? ", or with .npz for the dialect npz" : "";
    throw new UsageError(`-o is ${output}; ${why} its name must end with ${ending}${other}`);
  }
  return [output];
}

/** The file that `dequantize` writes. */
export function dequantizedName({ path, folder, stem }: Input, output: string | undefined): string {
  const ending = isOnnx(path) ? ".onnx" : ".safetensors";
  const name = `${stem}-float${ending}`;
  if (output === undefined) return join(folder, name);
  if (isFolderName(output)) return join(output, name);
  if (output.toLowerCase().endsWith(ending)) return output;
  throw new UsageError(`-o is ${output}; its name must end with ${ending}`);
}

/** A part is written into a folder, since loaders look for all shards of a model in one folder. */
function partOutput(input: Input, output: string | undefined, settings: Settings, shard: Shard): string {
  const { folder, stem } = input;
  const ending = endingOf(input, settings);
  if (ending !== ".safetensors") {
    throw new UsageError(
      `--shard writes .safetensors files, but this model would become a file of ${ending}: leave out --shard`,
    );
  }
  const name = shardName(stem, shard);
  if (output !== undefined && /\.[a-z]+$/i.test(output) && !isFolderName(output)) {
    throw new UsageError(`-o is ${output}; with --shard it must be a folder, to which the part ${name} is written`);
  }
  return join(output ?? join(folder, stem + suffixOf(input, settings)), name);
}

/** Throws where outputs are among the files read, or two of them are the same. Links are followed. */
export function checkOutputs(outputs: readonly string[], files: readonly string[]): void {
  const read = new Map(files.map((file) => [identityOf(file), file]));
  const written = new Set<string>();
  for (const output of outputs) {
    const identity = identityOf(output);
    const input = read.get(identity);
    if (input !== undefined) {
      const which = input === output ? "an input too" : `the input ${input}`;
      throw new UsageError(`the output ${output} is ${which}; give another name with -o`);
    }
    if (written.has(identity)) {
      throw new UsageError(`two inputs would both be written to ${output}; do them one by one`);
    }
    written.add(identity);
  }
}

/** @throws {Error} where a file exists. */
export function refuseExisting(outputs: readonly string[]): void {
  const existing = outputs.filter((output) => existsSync(output));
  if (existing.length === 0) return;
  const are = existing.length === 1 ? "exists" : `and ${existing.length - 1} more exist`;
  throw new Error(`${existing[0]} ${are}; give another name with -o, or --force to replace`);
}

/** A name such as "model-int8.safetensors". */
function defaultName(input: Input, settings: Settings, isMixed: boolean): string {
  const suffix = isMixed ? `${isOnnx(input.path) ? "_" : "-"}mixed` : suffixOf(input, settings);
  return input.stem + suffix + endingOf(input, settings);
}

function suffixOf(input: Input, { dialect, type, bits = 8, float16, exclude = [], include = [] }: Settings): string {
  if (type !== undefined) return `-${type}`;
  // These are transformers.js's names for types of models.
  if (isOnnx(input.path)) {
    if (float16 && exclude.includes("*") && include.length === 0) return "_fp16";
    return `${bits === 4 ? "_q4" : `_int${bits}`}${float16 ? "f16" : ""}`;
  }
  if (dialect === "comfyui") return "-int8-comfyui";
  if (dialect === "compressed-tensors") return `-w${bits}a16`;
  return dialect === "compressed-tensors-w8a8" ? "-w8a8" : `-int${bits}`;
}

function endingOf(input: Input, { dialect, type }: Settings): string {
  if (type !== undefined) return ".gguf";
  if (isOnnx(input.path)) return ".onnx";
  return dialect === "npz" ? ".npz" : ".safetensors";
}

/**
 * Whether it is a folder, or would be one: a path that ends with a slash, or has no file ending ("Qwen2.5-7B" has
 * none).
 */
export function isFolderName(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? stat.isDirectory() : path !== "" && !/\.[a-z]+$/i.test(path);
}

/** A text that is the same for all names of one file. */
function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat) return `${stat.dev}:${stat.ino}`;
  const folder = dirname(path);
  return existsSync(folder) ? join(realpathSync(folder), basename(path)) : path;
}
