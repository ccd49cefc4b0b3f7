import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileSink, joinShards, type Model, openModel } from "channelwise/models";
import { indexName, parseShardName, shardName } from "./shards.js";

/** The parts of a model in a folder. */
export interface Parts {
  readonly folder: string;
  readonly stem: string;
  /** The number of parts that the model has. */
  readonly n: number;
  /** The numbers of those that are missing. */
  readonly missing: readonly number[];
}

/** Finds the parts in a folder, by model. */
export function findParts(folder: string): Parts[] {
  const found = new Map<string, { stem: string; n: number; present: Set<number> }>();
  for (const name of readdirSync(folder).sort()) {
    const part = parseShardName(name);
    if (!part) continue;
    const key = shardName(part.stem, { k: 0, n: part.n });
    const parts = found.get(key) ?? { stem: part.stem, n: part.n, present: new Set() };
    parts.present.add(part.k);
    found.set(key, parts);
  }
  return [...found.values()].map(({ stem, n, present }) => ({
    folder,
    stem,
    n,
    missing: Array.from({ length: n }, (_, i) => i + 1).filter((k) => !present.has(k)),
  }));
}

export function indexPath({ folder, stem }: Parts): string {
  return join(folder, indexName(stem));
}

/**
 * Writes the index of parts that are complete, and returns its path. Two processes that write it at once write the
 * same.
 *
 * @throws {RangeError} where the parts come from different runs.
 */
export async function writeIndex(parts: Parts, overwrite: boolean): Promise<string> {
  const { folder, stem, n } = parts;
  const shards: Model[] = [];
  try {
    for (let k = 1; k <= n; k++) shards.push(await openModel(join(folder, shardName(stem, { k, n }))));
    const { index } = await joinShards(shards);
    const path = indexPath(parts);
    const sink = await fileSink(path, { overwrite });
    try {
      await sink.write(0, new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`));
      await sink.close();
    } catch (error) {
      await sink.abort();
      throw error;
    }
    return path;
  } finally {
    for (const shard of shards) await shard.close();
  }
}
