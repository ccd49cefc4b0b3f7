import type { Shard } from "./settings.js";

/** The most parts that --shard takes. A crafted name may have any number. */
const MOST_PARTS = 99_999;

/** The name by which loaders find shards: "model-00003-of-00016.safetensors". */
export function shardName(stem: string, { k, n }: Shard): string {
  const five = (value: number) => String(value).padStart(5, "0");
  return `${stem}-${five(k)}-of-${five(n)}.safetensors`;
}

/**
 * The parts of a shard's name; undefined for other names. The number and the total may differ in digits, as in
 * DeepSeek's "model-00001-of-000163.safetensors", and the first number may be 0.
 */
export function parseShardName(name: string): ({ stem: string } & Shard) | undefined {
  const [, stem, k, n] = /^(.*)-(\d+)-of-(\d+)\.safetensors$/i.exec(name) ?? [];
  const isShard = stem !== undefined && Number(k) <= Number(n) && Number(n) <= MOST_PARTS;
  return isShard ? { stem, k: Number(k), n: Number(n) } : undefined;
}

/** The numbers of the parts that are not there, of a model of n. They count from 0 where one of them is 0. */
export function missingOf(present: { has(k: number): boolean }, n: number): number[] {
  const first = present.has(0) ? 0 : 1;
  return Array.from({ length: n }, (_, i) => i + first).filter((k) => !present.has(k));
}

/** The name of an index: "model.safetensors.index.json". */
export function indexName(stem: string): string {
  return `${stem}.safetensors.index.json`;
}
