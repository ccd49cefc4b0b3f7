import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { fileOf, safetensorsFile, type TensorToWrite } from "../lib/files/safetensors-file.js";
import { uniform } from "../lib/random.js";

const shapes: Record<string, number[]> = {
  "embed_tokens.weight": [64, 32],
  "layers.0.norm.weight": [32],
  "layers.0.up.weight": [128, 32],
  "layers.0.up.bias": [128],
  "layers.0.down.weight": [32, 128],
  "layers.1.norm.weight": [32],
  "layers.1.up.weight": [128, 32],
  "layers.1.up.bias": [128],
  "layers.1.down.weight": [32, 128],
  "lm_head.weight": [64, 32],
};

/** The tensors of a small language model, float32. */
export const tensors: readonly (TensorToWrite & { data: Float32Array })[] = Object.entries(shapes).map(
  ([name, shape], i) => {
    const elements = shape.reduce((a, b) => a * b, 1);
    return { name, dtype: "F32", shape, data: uniform("float32", elements, i + 1) as Float32Array };
  },
);

/** The names of the tensors that every dialect quantizes by default. */
export const matrices = tensors.filter(({ shape }) => shape.length === 2).map(({ name }) => name);

export function writeModel(path: string, some = tensors): void {
  writeFileSync(path, fileOf(some, { format: "pt" }));
}

/** Writes the model as three shards and their index. */
export function writeShards(folder: string): void {
  const weightMap: Record<string, string> = {};
  for (const [i, [from, to]] of [
    [0, 4],
    [4, 5],
    [5, 10],
  ].entries()) {
    const name = `model-0000${i + 1}-of-00003.safetensors`;
    const some = tensors.slice(from, to);
    writeModel(`${folder}/${name}`, some);
    for (const tensor of some) weightMap[tensor.name] = name;
  }
  writeFileSync(`${folder}/model.safetensors.index.json`, JSON.stringify({ weight_map: weightMap }));
}

/** Writes tensors of 64 MB of zeros each, which take no room on the disk. */
export function writeLargeModel(path: string, count: number): void {
  const bytes = 64 * 2 ** 20;
  const entries = Array.from({ length: count }, (_, i) => [
    `layers.${i}.weight`,
    { dtype: "F32", shape: [4096, 4096], data_offsets: [i * bytes, (i + 1) * bytes] },
  ]);
  const header = safetensorsFile(Object.fromEntries(entries));
  const file = openSync(path, "w");
  writeSync(file, header);
  ftruncateSync(file, header.length + count * bytes);
  closeSync(file);
}
