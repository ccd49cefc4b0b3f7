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

/** The most shards that are counted. A crafted name may tell of any number. */
const MOST_SHARDS = 99_999;

/** The shards of a model that are not there. */
export interface MissingShards {
  /** Their numbers. Shards count from 1, or from 0 where one of them is 0. */
  readonly missing: readonly number[];
  /** How many shards the model has; 0 where a name is not that of a shard. */
  readonly count: number;
}

/**
 * The shards of a model that are not among some files, by the names of these.
 *
 * @param names of one model's files, such as "model-00001-of-00003.safetensors"
 */
export function missingShards(names: readonly string[]): MissingShards {
  const none = { missing: [], count: 0 };
  const present = new Set<number>();
  let count = 0;
  for (const name of names) {
    const shard = shardNameOf(name);
    if (shard === undefined || Number(shard.count) > MOST_SHARDS) return none;
    present.add(Number(shard.number));
    count = Number(shard.count);
  }
  const first = present.has(0) ? 0 : 1;
  return { missing: Array.from({ length: count }, (_, i) => i + first).filter((each) => !present.has(each)), count };
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
