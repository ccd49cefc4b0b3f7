/** What the name of a shard says: "model-00003-of-000163.safetensors". */
export interface ShardName {
  /** What is before its number: "model-". */
  readonly start: string;
  /** Its number, as it is written. */
  readonly number: string;
  /** How many shards there are, as it is written. */
  readonly count: string;
  readonly ending: string;
}

/** The parts of a shard's name; undefined for other names. The number and the count may differ in digits. */
export function shardNameOf(name: string): ShardName | undefined {
  const [, start, number, count, ending] = /^(.*-)(\d+)-of-(\d+)(\.safetensors)$/i.exec(name) ?? [];
  return start === undefined ? undefined : { start, number, count, ending };
}

/** A sentence why files cannot be shards of one model, by their names; undefined where they may be. */
export function whyNotOne(names: readonly string[]): string | undefined {
  const numbered = new Map<number, string>();
  let first: { readonly name: string; readonly shard: ShardName } | undefined;
  for (const name of names) {
    const shard = shardNameOf(name);
    if (shard === undefined) continue;
    first ??= { name, shard };
    const both = `${first.name} and ${name} are not shards of one model`;
    if (shard.start !== first.shard.start) return `${both}: their names begin differently`;
    const counts = [first.shard.count, shard.count].map(Number);
    if (counts[0] !== counts[1]) return `${both}: one is of ${counts[0]} shards, the other of ${counts[1]}`;
    const other = numbered.get(Number(shard.number));
    if (other !== undefined) return `${other} and ${name} are both shard ${Number(shard.number)} of ${counts[0]}`;
    numbered.set(Number(shard.number), name);
  }
  return undefined;
}
