import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { isRecord } from "../../io/json.js";
import { shownJson } from "../../io/shorten.js";
import type { ModelPart } from "../format.js";
import { readSafetensors, type SafetensorsContents } from "./safetensors.js";
import { whyNotOne } from "./shard-name.js";

/** The file that each tensor is in, as in `model.safetensors.index.json`. */
export type WeightMap = Readonly<Record<string, string>>;

/**
 * The weight map of an index.
 *
 * @throws {FormatError} where the map is missing, or names files in other folders.
 */
export function weightMapOf(index: Record<string, unknown>, file: string): WeightMap {
  const { weight_map: map } = index;
  const fail = (reason: string, tensor?: string): never => {
    throw new FormatError({ file, tensor, offset: 0, reason });
  };
  if (!isRecord(map)) return fail("it has no weight_map: this is not an index of .safetensors files");
  const entries = Object.entries(map);
  if (entries.length === 0) return fail("its weight_map is empty: download the index again, or give the shards alone");
  for (const [tensor, shard] of entries) {
    if (typeof shard !== "string" || !isFileName(shard)) {
      fail(`its file is ${shownJson(shard)}; it must be the name of a file beside the index`, tensor);
    }
  }
  return map as WeightMap;
}

/** Whether a name has no folder, so that an index cannot reach files elsewhere. */
function isFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name);
}

/**
 * Reads the headers of all shards.
 *
 * @throws {FormatError} for a malformed shard, and where the shards do not contain exactly what the index says.
 * @throws {TypeError} where there is no index, and the names are not those of one model.
 */
export async function readShards(
  shards: readonly ByteSource[],
  index?: { readonly file: string; readonly weightMap: WeightMap },
): Promise<SafetensorsContents & { readonly parts: readonly ModelPart[] }> {
  const why = index ? undefined : whyNotOne(shards.map(({ name }) => name));
  if (why !== undefined) throw new TypeError(`${why}; give those of one model`);
  const tensors: SafetensorsContents["tensors"][number][] = [];
  const parts: ModelPart[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  const fileOf = new Map<string, string>();
  for (const shard of shards) {
    const contents = await readSafetensors(shard);
    parts.push({ name: shard.name, ...contents });
    metadata = { ...metadata, ...contents.metadata }; // an assignment would lose a key named __proto__
    for (const tensor of contents.tensors) {
      const { name } = tensor;
      const fail = (reason: string): never => {
        throw new FormatError({ file: shard.name, tensor: name, offset: 0, reason });
      };
      if (fileOf.has(name)) fail(`${fileOf.get(name)} has a tensor of this name too`);
      if (index && index.weightMap[name] !== shard.name) {
        const said = Object.hasOwn(index.weightMap, name) ? `is in ${index.weightMap[name]}` : "does not exist";
        fail(`it is in this file, and ${index.file} says that it ${said}`);
      }
      fileOf.set(name, shard.name);
      tensors.push(tensor);
    }
  }
  for (const [tensor, shard] of Object.entries(index?.weightMap ?? {})) {
    if (fileOf.has(tensor)) continue;
    throw new FormatError({
      file: shard,
      tensor,
      offset: 0,
      reason: `${index?.file} says that it is in this file, but it is not`,
    });
  }
  return { metadata, tensors, parts };
}
