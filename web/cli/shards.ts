import type { Shard } from "./settings.js";

/**
 * A run of neighbours that is a fair part of all: those whose middle lies in the k-th of n equal stretches of all bytes.
 * Every item is in just one part. Gives where it starts and ends.
 */
export function fairRun(sizes: readonly number[], { k, n }: Shard): { start: number; end: number } {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  const parts = sizes.map((size) => {
    const middle = before + size / 2;
    before += size;
    return total === 0 ? 1 : Math.min(n, Math.floor((middle / total) * n) + 1);
  });
  const start = parts.findIndex((part) => part >= k);
  const end = parts.findIndex((part) => part > k);
  const or = (index: number) => (index === -1 ? sizes.length : index);
  return { start: or(start), end: or(end) };
}

/** A fair part of items that need not be neighbours, in their order: the largest go first, each to the part with least. */
export function fairShare(sizes: readonly number[], { k, n }: Shard): number[] {
  const loads: number[] = Array(n).fill(0);
  const mine: number[] = [];
  const largestFirst = sizes.map((_, i) => i).sort((a, b) => sizes[b] - sizes[a] || a - b);
  for (const i of largestFirst) {
    const part = loads.indexOf(Math.min(...loads));
    // An empty file is work too.
    loads[part] += Math.max(1, sizes[i]);
    if (part === k - 1) mine.push(i);
  }
  return mine.sort((a, b) => a - b);
}

/** "model-00003-of-00016.safetensors": the name by which loaders know shards. */
export function shardName(stem: string, { k, n }: Shard): string {
  const five = (value: number) => String(value).padStart(5, "0");
  return `${stem}-${five(k)}-of-${five(n)}.safetensors`;
}

/** What the name of a shard says; undefined for other names. */
export function parseShardName(name: string): ({ stem: string } & Shard) | undefined {
  const [, stem, k, n] = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/.exec(name) ?? [];
  return stem === undefined ? undefined : { stem, k: Number(k), n: Number(n) };
}

/** "model.safetensors.index.json" */
export function indexName(stem: string): string {
  return `${stem}.safetensors.index.json`;
}
