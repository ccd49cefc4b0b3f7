import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileSink, joinShards, type Model, openModel } from "channelwise/models";
import { indexName, missingOf, parseShardName } from "./shards.js";

/** The parts of a model in a folder. */
export interface Parts {
  readonly folder: string;
  readonly stem: string;
  /** The number of parts that the model has. */
  readonly n: number;
  /** The numbers of those that are missing. */
  readonly missing: readonly number[];
  /** The names of those that are there, by their numbers. */
  readonly files: readonly string[];
}

/** An index, and what its parts may not have in common. */
export interface WrittenIndex {
  readonly path: string;
  readonly warnings: readonly string[];
}

/**
 * Finds the parts in a folder, by model.
 *
 * @throws {Error} where two files are the same part.
 */
export function findParts(folder: string): Parts[] {
  const found = new Map<string, { stem: string; n: number; present: Map<number, string> }>();
  for (const name of readdirSync(folder).sort()) {
    const part = parseShardName(name);
    if (!part) continue;
    const { stem, k, n } = part;
    const key = `${stem} ${n}`;
    const parts = found.get(key) ?? { stem, n, present: new Map() };
    const other = parts.present.get(k);
    if (other !== undefined) throw new Error(`${folder}: ${other} and ${name} are both part ${k} of ${n}; remove one`);
    parts.present.set(k, name);
    found.set(key, parts);
  }
  return [...found.values()].map(({ stem, n, present }) => ({
    folder,
    stem,
    n,
    missing: missingOf(present, n),
    files: [...present].sort(([a], [b]) => a - b).map(([, name]) => name),
  }));
}

export function indexPath({ folder, stem }: Parts): string {
  return join(folder, indexName(stem));
}

/**
 * Writes the index of parts that are complete. Two processes that write it at once write the same.
 *
 * @throws {RangeError} where the parts come from different runs.
 */
export async function writeIndex(parts: Parts, overwrite: boolean): Promise<WrittenIndex> {
  const { folder, files } = parts;
  const shards: Model[] = [];
  try {
    for (const file of files) shards.push(await openModel(join(folder, file)));
    const { index, warnings } = await joinShards(shards);
    const path = indexPath(parts);
    const sink = await fileSink(path, { overwrite });
    try {
      await sink.write(0, new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`));
      await sink.close();
    } catch (error) {
      await sink.abort();
      throw error;
    }
    return { path, warnings };
  } finally {
    for (const shard of shards) await shard.close();
  }
}
