import type { ByteSource } from "../../io/bytes.js";
import type { FormatContents, FormatInput } from "../format.js";
import { safetensorsKind } from "../image-models/kind.js";
import { readBeside } from "./beside.js";
import { readShards, weightMapOf } from "./sharded.js";

/** Reads a .safetensors file, or shards with or without their index. */
export async function read(input: FormatInput): Promise<FormatContents> {
  return { ...(await readTensors(input)), kind: safetensorsKind };
}

async function readTensors(input: FormatInput): Promise<FormatContents> {
  const { files, description, openNamed } = input;
  if (description === undefined) return { ...(await readShards(files)), tensorsBeside: await readBeside(input) };
  const [{ name: file }] = files;
  const weightMap = weightMapOf(description, file);
  const shards: ByteSource[] = [];
  for (const shard of new Set(Object.values(weightMap))) shards.push(await openNamed(shard, files[0]));
  return readShards(shards, { file, weightMap });
}
