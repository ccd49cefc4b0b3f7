import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSafetensorsMetadata } from "@huggingface/hub";
import { load } from "channelwise";
import { blobSink, dequantizeModel, openModel, type Rules } from "channelwise/models";
import { unzipSync } from "fflate";
import { parse as npyjsParse } from "npyjs";
import { afterAll, describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { openSafetensors, quantized } from "./run.js";
import { fileOf, type TensorToWrite } from "./safetensors-file.js";

const folder = mkdtempSync(join(tmpdir(), "channelwise-readers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const channelwise = await load();
const half = Uint16Array.from(new Uint32Array(uniform("float32", 48 * 32, 3).buffer), (bits) => bits >>> 16);
const tensors: TensorToWrite[] = [
  { name: "up.weight", dtype: "F32", shape: [32, 48], data: uniform("float32", 32 * 48, 1) },
  { name: "up.bias", dtype: "F32", shape: [31], data: uniform("float32", 31, 2) },
  { name: "down.weight", dtype: "BF16", shape: [48, 32], data: half },
  { name: "odd.weight", dtype: "F32", shape: [33, 35], data: uniform("float32", 33 * 35, 4) },
  { name: "conv.weight", dtype: "F64", shape: [8, 16, 3, 3], data: uniform("float64", 8 * 16 * 9, 5) },
  { name: "steps", dtype: "I64", shape: [], data: BigInt64Array.of(7n) },
];

const ways: [string, Rules][] = [
  ["plain", {}],
  ["plain, axis 1", { axis: 1 }],
  ["plain, one scale", { granularity: "tensor" }],
  ["plain, groups along 0", { granularity: { group: 4, along: 0 } }],
  ["plain, 12 bits", { bits: 12 }],
  ["comfyui", { dialect: "comfyui" }],
  ["compressed-tensors", { dialect: "compressed-tensors" }],
  ["compressed-tensors, 4 bits", { dialect: "compressed-tensors", bits: 4 }],
  ["compressed-tensors, groups", { dialect: "compressed-tensors", bits: 4, granularity: { group: 16, along: 1 } }],
  ["compressed-tensors-w8a8", { dialect: "compressed-tensors-w8a8" }],
  ["npz", { dialect: "npz", exclude: ["down*"] }],
];

/** The model written by some rules, and its file's name. */
async function written(rules: Rules) {
  const isNpz = rules.dialect === "npz";
  const given = isNpz ? tensors.filter(({ dtype }) => dtype !== "BF16" && dtype !== "I64") : tensors;
  const { file } = await quantized(await openSafetensors(fileOf(given, { format: "pt" })), rules);
  return { file, name: isNpz ? "model.npz" : "model.safetensors" };
}

const python3Runs = spawnSync("python3", ["--version"]).status === 0;

describe.runIf(python3Runs)("python3, with its standard library alone, reads", () => {
  const reader = fileURLToPath(new URL("read_quantized.py", import.meta.url));

  it.each(ways)("%s", async (_, rules) => {
    const { file, name } = await written(rules);
    writeFileSync(join(folder, name), file);
    const run = spawnSync("python3", [reader, join(folder, name)], { encoding: "utf8", maxBuffer: 2 ** 28 });
    if (run.status !== 0) throw new Error(run.stderr);
    const read: { weights: Record<string, number[]>; metadata: object; markers: Record<string, object> } = JSON.parse(
      run.stdout,
    );

    const model = await openModel(file, { name });
    const sink = blobSink();
    await dequantizeModel(channelwise, model, sink);
    const restored = await openModel(await sink.blob(), { name: "restored.safetensors" });
    const names = Object.keys(read.weights);
    expect(names.length).toBeGreaterThanOrEqual(2);
    for (const weight of names) {
      const tensor = restored.tensors.find((each) => each.name === weight);
      if (!tensor) return expect.fail(`${weight} is missing`);
      const { buffer } = await tensor.read(0, tensor.byteLength);
      // Python multiplies in float64. The library rounds to the type of the scales.
      if (tensor.dtype === "float64") expect(new Float64Array(buffer)).toEqual(Float64Array.from(read.weights[weight]));
      else expect(new Float32Array(buffer)).toEqual(Float32Array.from(read.weights[weight]));
    }
    if (rules.dialect !== "npz") expect(read.metadata).toMatchObject({ format: "pt" });
    if (rules.dialect === "comfyui") {
      expect(read.markers).toEqual(
        Object.fromEntries(["up", "down", "odd"].map((m) => [`${m}.comfy_quant`, { format: "int8_tensorwise" }])),
      );
    }
  });
});

it.runIf(python3Runs)("python3 finds the checksums right, of codes that come in strips too", async () => {
  const data = uniform("float32", 2 * 1_200_000, 1);
  const bytes = new Uint8Array(data.buffer);
  const read = async (offset: number, length: number) => bytes.slice(offset, offset + length);
  const tensors = [{ name: "wide", dtype: "float32", shape: [2, 1_200_000], byteLength: bytes.length, read }] as const;
  const model = {
    format: "npy",
    name: "wide.npy",
    files: [],
    byteLength: 0,
    metadata: {},
    tensors,
    close: async () => {},
  } as const;
  const { file } = await quantized(model, { dialect: "npz", axis: 1 });
  writeFileSync(join(folder, "wide.npz"), file);
  const { stdout, stderr } = spawnSync("python3", ["-m", "zipfile", "-t", join(folder, "wide.npz")], {
    encoding: "utf8",
  });
  expect([stdout.trim(), stderr]).toEqual(["Done testing", ""]);
});

describe("Hugging Face's reader finds what was written:", () => {
  /** The file as their hub would serve it. */
  const served =
    (file: Uint8Array<ArrayBuffer>): typeof fetch =>
    async (_address, init) => {
      const range = new Headers(init?.headers).get("range");
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(range ?? "") ?? expect.fail("the whole file was asked for");
      const headers = { "content-range": `bytes ${first}-${last}/${file.length}`, etag: '"1"' };
      return new Response(file.slice(Number(first), Number(last) + 1), { status: 206, headers });
    };

  it.each(ways.filter(([, { dialect }]) => dialect !== "npz"))("%s", async (_, rules) => {
    const { file } = await written(rules);
    const parsed = await parseSafetensorsMetadata({
      repo: { type: "model", name: "some/model" },
      path: "model.safetensors",
      fetch: served(file),
    });
    if (parsed.sharded) return expect.fail("it is one file");
    const { __metadata__: metadata, ...header } = parsed.header;
    const model = await openSafetensors(file);
    expect(metadata).toEqual(model.metadata);
    expect(Object.keys(header).sort()).toEqual(model.tensors.map(({ name }) => name).sort());
    for (const { name, shape, byteLength } of model.tensors) {
      const {
        shape: theirs,
        data_offsets: [begin, end],
      } = header[name];
      expect([theirs, end - begin]).toEqual([shape, byteLength]);
    }
  });
});

it("fflate and npyjs read the arrays of a .npz file", async () => {
  const { file } = await written({ dialect: "npz" });
  const arrays = Object.fromEntries(
    Object.entries(unzipSync(file)).map(([name, bytes]) => [name, npyjsParse(bytes.slice().buffer)]),
  );
  expect(Object.keys(arrays).sort()).toEqual([
    "conv.weight.quantized.npy",
    "conv.weight.scale.npy",
    "odd.weight.quantized.npy",
    "odd.weight.scale.npy",
    "up.bias.npy",
    "up.weight.quantized.npy",
    "up.weight.scale.npy",
  ]);
  const up = channelwise.quantize(tensors[0].data as Float32Array, { shape: [32, 48] });
  expect(arrays["up.weight.quantized.npy"]).toMatchObject({ shape: [32, 48], data: up.quantized });
  expect(arrays["up.weight.scale.npy"]).toMatchObject({ shape: [32, 1], data: up.scales });
  expect(arrays["up.bias.npy"].data).toEqual(tensors[1].data);
});
