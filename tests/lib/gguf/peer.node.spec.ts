import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gguf, serializeGgufMetadata } from "@huggingface/gguf";
import { type GgufKey, openModel } from "channelwise/models";
import { afterAll, expect, it } from "vitest";
import { bytesOf, ggufFile, type KeyToWrite, tensorType, valueType } from "./gguf-file.js";

const folder = mkdtempSync(join(tmpdir(), "channelwise-gguf-"));
afterAll(() => rmSync(folder, { recursive: true }));

const keys: readonly KeyToWrite[] = [
  { name: "general.architecture", type: "string", value: "llama" },
  { name: "llama.block_count", type: "uint32", value: 2 },
  { name: "llama.rope.freq_base", type: "float32", value: 10000 },
  { name: "tokenizer.ggml.tokens", type: "string", value: ["a", "ß", "<|end|>"] },
  { name: "tokenizer.ggml.scores", type: "float32", value: [0.5, -1, 2] },
  { name: "tokenizer.ggml.add_bos_token", type: "bool", value: false },
];

it("is the same to another reader: keys, types and tensors", async () => {
  const path = join(folder, "model.gguf");
  const tensors = [
    { name: "token_embd.weight", type: tensorType.F32, shape: [4, 2], data: bytesOf(new Float32Array(8)) },
    { name: "blk.0.attn_q.weight", type: tensorType.Q8_0, shape: [3, 32], data: new Uint8Array(3 * 34) },
  ];
  writeFileSync(path, ggufFile({ keys, tensors }));
  const model = await openModel(path);
  const other = await gguf(path, { allowLocalFile: true, typedMetadata: true });
  for (const { name, type, arrayLength, values } of model.keys as readonly GgufKey[]) {
    const said = other.typedMetadata[name];
    expect(said.value, name).toEqual(arrayLength === undefined ? values()[0] : values());
    expect(arrayLength === undefined ? said.type : "subType" in said && said.subType, name).toBe(valueType[type]);
  }
  expect(other.tensorInfos).toMatchObject([
    { name: "token_embd.weight", shape: [2n, 4n], dtype: 0 },
    { name: "blk.0.attn_q.weight", shape: [32n, 3n], dtype: 8 },
  ]);
  expect(model.tensors[0].shape).toEqual([4, 2]);
  await model.close();
});

it("has the keys that another writer wrote", async () => {
  const typed = Object.fromEntries(
    keys.map(({ name, type, value }) => [
      name,
      Array.isArray(value)
        ? { type: valueType.array, subType: valueType[type], value }
        : { type: valueType[type], value },
    ]),
  );
  const version = { type: valueType.uint32, value: 3 };
  const counts = { type: valueType.uint64, value: 0n };
  const header = serializeGgufMetadata({
    ...{ version, tensor_count: counts, kv_count: { ...counts, value: BigInt(keys.length) } },
    ...typed,
  } as never);
  const model = await openModel(new Uint8Array(header), { name: "model.gguf" });
  expect(model.keys?.map((key) => [key.name, key.type, key.values()])).toEqual(
    keys.map(({ name, type, value }) => [name, type, [value].flat()]),
  );
});
