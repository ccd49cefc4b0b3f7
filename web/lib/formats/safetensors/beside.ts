import type { TensorInfo } from "../../tensor/tensor.js";
import type { FormatInput } from "../format.js";
import { readSafetensors } from "./safetensors.js";

/** The numbers in the name of a shard: "model-00003-of-000163.safetensors". */
const SHARD = /^(.*-)(\d+)(-of-)(\d+)(\.safetensors)$/i;

/** The largest models have some 200 shards. A crafted name may have any number. */
const MOST_SHARDS = 1000;

/**
 * The tensors of the other shards in the folder of a shard that was given alone. They are not part of the model, and
 * those that are missing or damaged are passed over.
 */
export async function readBeside({ files, openBeside }: FormatInput): Promise<TensorInfo[]> {
  const [shard, ...others] = files;
  const [, start, own, of, count, end] = SHARD.exec(shard.name) ?? [];
  if (others.length > 0 || count === undefined || Number(count) > MOST_SHARDS) return [];
  const found: TensorInfo[] = [];
  for (let i = 1; i <= Number(count); i++) {
    if (i === Number(own)) continue;
    const name = `${start}${String(i).padStart(own.length, "0")}${of}${count}${end}`;
    const beside = await openBeside(name, shard);
    const contents = beside && (await readSafetensors(beside).catch(() => undefined));
    for (const tensor of contents?.tensors ?? []) found.push(tensor);
  }
  return found;
}
