// Models in more files than a process may have open.

import { mkdirSync, writeFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema } from "onnx-buf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node, type TensorInit } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { main, Workplace } from "./command.js";

const FILES = 240;
/** The limit of descriptors, far below the number of files. Node takes some for every worker. */
const DESCRIPTORS = 160;

let place: Workplace;
const weights = (i: number) => uniform("float32", 32 * 32, i + 1) as Float32Array;
const numbers = Array.from({ length: FILES }, (_, i) => i);

beforeAll(() => {
  place = new Workplace();
  for (const folder of ["onnx", "sharded", "tfjs"]) mkdirSync(place.path(folder));
  const initializer: TensorInit[] = [];
  for (const i of numbers) {
    writeFileSync(place.path("onnx", `w${i}`), weights(i));
    initializer.push({
      ...{ name: `w${i}`, dims: [32n, 32n], dataType: 1, dataLocation: 1 },
      externalData: [create(StringStringEntryProtoSchema, { key: "location", value: `w${i}` })],
    });
  }
  const nodes = numbers.map((i) => node("MatMul", [`h${i}`, `w${i}`], [`h${i + 1}`]));
  const graph = { input: [float("h0", [4, 32])], output: [float(`h${FILES}`, [4, 32])], initializer, node: nodes };
  writeFileSync(place.path("onnx", "model.onnx"), modelBytes({ opset: 13, graph }));

  const weightMap: Record<string, string> = {};
  for (const i of numbers) {
    const name = `shard-${i}.safetensors`;
    writeFileSync(
      place.path("sharded", name),
      fileOf([{ name: `w${i}`, dtype: "F32", shape: [32, 32], data: weights(i) }]),
    );
    weightMap[`w${i}`] = name;
  }
  writeFileSync(place.path("sharded", "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));

  const weightsManifest = numbers.map((i) => {
    writeFileSync(place.path("tfjs", `group${i}.bin`), weights(i));
    return { paths: [`group${i}.bin`], weights: [{ name: `w${i}`, shape: [32, 32], dtype: "float32" }] };
  });
  writeFileSync(place.path("tfjs", "model.json"), JSON.stringify({ weightsManifest }));
});
afterAll(() => place.remove());

/** Runs a command with that limit of open files. */
const run = (...args: string[]) =>
  place.runProgram("sh", ["-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh", process.execPath, main, ...args]);

it.each([
  ["onnx", "onnx/model.onnx", "out.onnx"],
  ["sharded", "sharded", "sharded.safetensors"],
  ["tfjs", "tfjs", "tfjs.safetensors"],
])("%s: is quantized and compared", async (_, input, output) => {
  const quantized = await run("quantize", input, "-o", output, "--json");
  expect(quantized).toMatchObject({ code: 0, stderr: "" });
  const { tensors } = JSON.parse(quantized.stdout).files[0];
  expect(tensors.filter(({ quantize }: { quantize: boolean }) => quantize)).toHaveLength(FILES);
  const compared = await run("compare", input, output, "--min-sqnr", "40");
  expect(compared).toMatchObject({ code: 0, stderr: "" });
});
