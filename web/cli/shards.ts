import type { Shard } from "./settings.js";

/** The name by which loaders find shards: "model-00003-of-00016.safetensors". */
export function shardName(stem: string, { k, n }: Shard): string {
  const five = (value: number) => String(value).padStart(5, "0");
  return `${stem}-${five(k)}-of-${five(n)}.safetensors`;
}

/** The parts of a shard's name; undefined for other names. */
export function parseShardName(name: string): ({ stem: string } & Shard) | undefined {
  const [, stem, k, n] = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/.exec(name) ?? [];
  return stem === undefined ? undefined : { stem, k: Number(k), n: Number(n) };
}

/** The name of an index: "model.safetensors.index.json". */
export function indexName(stem: string): string {
  return `${stem}.safetensors.index.json`;
}
