import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileSink, openModel } from "channelwise/files";
import { indexName, parseShardName, shardName } from "./shards.js";

/** The parts of a model in a folder. */
export interface Parts {
  readonly folder: string;
  readonly stem: string;
  /** How many parts there are to be. */
  readonly n: number;
  /** Numbers of those that are not there. */
  readonly missing: readonly number[];
}

/** The parts that lie in a folder, by model. */
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

/** Writes the index of parts that are all there; gives its path. Two who write it at a time write the same. */
export async function writeIndex({ folder, stem, n }: Parts, overwrite: boolean): Promise<string> {
  const weightMap: Record<string, string> = {};
  let totalSize = 0;
  for (let k = 1; k <= n; k++) {
    const path = join(folder, shardName(stem, { k, n }));
    const model = await openModel(path);
    await model.close();
    for (const { name, byteLength } of model.tensors) {
      if (Object.hasOwn(weightMap, name)) {
        throw new Error(
          `tensor ${name} is in ${weightMap[name]} and in ${basename(path)}: these are not parts of one run`,
        );
      }
      weightMap[name] = basename(path);
      totalSize += byteLength;
    }
  }
  const path = join(folder, indexName(stem));
  const sink = await fileSink(path, { overwrite });
  const index = { metadata: { total_size: totalSize }, weight_map: weightMap };
  await sink.write(0, new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`));
  await sink.close();
  return path;
}
