import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ChooseRules } from "channelwise/files";
import type { Input } from "./inputs.js";
import type { Shard } from "./settings.js";
import { shardName } from "./shards.js";
import { UsageError } from "./usage-error.js";

export interface Naming {
  readonly output: string | undefined;
  readonly rules: ChooseRules;
  /** Given where one model is written in parts. */
  readonly shard: Shard | undefined;
}

/** The file that each input is written to. */
export function outputsOf(inputs: readonly Input[], { output, rules, shard }: Naming): string[] {
  const isFolder = output !== undefined && (/[/\\]$/.test(output) || isDirectory(output));
  if (shard) {
    const [{ folder, stem }] = inputs;
    const name = shardName(stem, shard);
    if (rules.dialect === "npz")
      throw new UsageError("--shard writes .safetensors files; the dialect npz is a .npz file");
    if (output !== undefined && /\.[a-z]+$/i.test(output) && !isFolder) {
      throw new UsageError(`-o is ${output}; with --shard it must be a folder, to which the part ${name} is written`);
    }
    return [join(output ?? join(folder, `${stem}${suffixOf(rules)}`), name)];
  }
  if (output === undefined) return inputs.map(({ folder, stem }) => join(folder, defaultName(stem, rules)));
  if (isFolder || inputs.length > 1) {
    if (existsSync(output) && !isFolder) {
      throw new UsageError(`-o is ${output}, a file; it must be a folder, since ${inputs.length} models are given`);
    }
    return inputs.map(({ stem }) => join(output, defaultName(stem, rules)));
  }
  const ending = endingOf(rules);
  if (!output.toLowerCase().endsWith(ending)) {
    throw new UsageError(`-o is ${output}; with the dialect ${rules.dialect} its name must end with ${ending}`);
  }
  return [output];
}

/** Refuses outputs that are files of an input, or of which two are one. Links are followed. */
export function checkOutputs(outputs: readonly string[], inputFiles: readonly string[]): void {
  const read = new Map(inputFiles.map((file) => [identityOf(file), file]));
  const written = new Set<string>();
  for (const output of outputs) {
    const identity = identityOf(output);
    const input = read.get(identity);
    if (input !== undefined) throw new UsageError(`${output} is the input ${input}; give another name with -o`);
    if (written.has(identity))
      throw new UsageError(`two inputs would both be written to ${output}; do them one by one`);
    written.add(identity);
  }
}

/** "model-int8.safetensors" */
function defaultName(stem: string, rules: ChooseRules): string {
  return `${stem}${suffixOf(rules)}${endingOf(rules)}`;
}

function suffixOf({ dialect, bits = 8 }: ChooseRules): string {
  if (dialect === "comfyui") return "-int8-comfyui";
  if (dialect === "compressed-tensors") return `-w${bits}a16`;
  return dialect === "compressed-tensors-w8a8" ? "-w8a8" : `-int${bits}`;
}

function endingOf({ dialect }: ChooseRules): string {
  return dialect === "npz" ? ".npz" : ".safetensors";
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The same for all names of one file. */
function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat) return `${stat.dev}:${stat.ino}`;
  const folder = dirname(path);
  return existsSync(folder) ? join(realpathSync(folder), path.slice(folder.length)) : path;
}
