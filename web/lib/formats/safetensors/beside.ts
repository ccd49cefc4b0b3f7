import type { TensorInfo } from "../../tensor/tensor.js";
import type { FormatInput } from "../format.js";
import { readSafetensors } from "./safetensors.js";
import { shardNameOf } from "./shard-name.js";

/** The largest models have some 200 shards. A crafted name may have any number. */
const MOST_SHARDS = 1000;

/**
 * The tensors of the other shards in the folder of a shard that was given alone. They are not part of the model, and
 * those that are missing or damaged are passed over.
 */
export async function readBeside({ files, openBeside }: FormatInput): Promise<TensorInfo[]> {
  const [shard, ...others] = files;
  const said = shardNameOf(shard.name);
  if (others.length > 0 || said === undefined || Number(said.count) > MOST_SHARDS) return [];
  const { start, number, count, ending } = said;
  const found: TensorInfo[] = [];
  // Most models count from 1, a few from 0.
  for (let i = 0; i <= Number(count); i++) {
    if (i === Number(number)) continue;
    const name = `${start}${String(i).padStart(number.length, "0")}-of-${count}${ending}`;
    const beside = await openBeside(name, shard);
    const contents = beside && (await readSafetensors(beside).catch(() => undefined));
    for (const tensor of contents?.tensors ?? []) found.push(tensor);
  }
  return found;
}
