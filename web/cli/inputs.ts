import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./command-error.js";
import { parseShardName } from "./shards.js";

/** A model to read. */
export interface Input {
  /** The file that represents it in messages. */
  readonly path: string;
  /** All its files that were given. */
  readonly files: readonly string[];
  readonly folder: string;
  /** Its name, without ending and number of the shard. */
  readonly stem: string;
}

/**
 * The file that represents a model: for a folder the index or the description in it, or its only model file.
 *
 * @throws {UsageError} for a folder that is ambiguous.
 */
export function modelFile(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  const names = readdirSync(path).sort();
  for (const pattern of [/\.safetensors\.index\.json$/, /^model\.json$/, /\.safetensors$/, /\.onnx$/, /\.gguf$/]) {
    const found = names.filter((name) => pattern.test(name));
    if (found.length === 1) return join(path, found[0]);
    if (found.length > 1) throw new UsageError(`${path} is a folder with ${found.join(", ")}; give the file you mean`);
  }
  throw new UsageError(`${path} is a folder without a model; give the files of one`);
}

export function isOnnx(path: string): boolean {
  return /\.onnx$/i.test(path);
}

/** The model that a file is a part of, by its name. */
function ggufPart(name: string): { readonly stem: string } | undefined {
  const [, stem] = /^(.*)-\d{5}-of-\d{5}\.gguf$/i.exec(name) ?? [];
  return stem === undefined ? undefined : { stem };
}

/** Each path is one model, except that shards of a model belong together. */
export function groupInputs(paths: readonly string[]): Input[] {
  const groups = new Map<string, { stem: string; files: string[] }>();
  for (const path of new Set(paths.map(modelFile))) {
    const name = basename(path);
    const shard = parseShardName(name) ?? ggufPart(name);
    const stem = shard?.stem ?? name.replace(/(\.safetensors)?\.index\.json$|\.[^.]+$/i, "");
    // An index that is given with its shards belongs to their model.
    const isOfShards = shard !== undefined || /\.index\.json$/i.test(name);
    const key = isOfShards ? join(dirname(path), `${stem}-*`) : path;
    const group = groups.get(key) ?? { stem, files: [] };
    group.files.push(path);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ stem, files }) => {
    const path = files.find((file) => /\.index\.json$/i.test(file)) ?? files[0];
    return { path, files, folder: dirname(path), stem };
  });
}
