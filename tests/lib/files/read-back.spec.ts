import { load } from "channelwise";
import {
  blobSink,
  compareModels,
  dequantizeModel,
  type Inspection,
  inspectModel,
  type Model,
  openModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { load as loadParallel } from "channelwise/parallel";
import { describe, expect, it } from "vitest";
import { exactFigures } from "../exact-figures.js";
import { DBL_MAX, FLT_MAX, uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { openSafetensors, quantized } from "./run.js";
import { bytesOf, fileOf, type TensorToWrite } from "./safetensors-file.js";

const channelwise = await load();

const up = uniform("float32", 64 * 96, 1);
const odd = uniform("float32", 33 * 65, 2);
const conv = uniform("float64", 32 * 16 * 9, 3);
const tensors: TensorToWrite[] = [
  { name: "up.weight", dtype: "F32", shape: [64, 96], data: up },
  { name: "up.bias", dtype: "F32", shape: [64], data: uniform("float32", 64, 4) },
  { name: "odd.weight", dtype: "F32", shape: [33, 65], data: odd },
  { name: "conv.kernel", dtype: "F64", shape: [32, 16, 3, 3], data: conv },
  { name: "steps", dtype: "I64", shape: [1], data: BigInt64Array.of(7n) },
];
const original = await openSafetensors(fileOf(tensors, { format: "pt" }), "original.safetensors");

/** The original, quantized and opened again. */
async function reopened(rules: Rules): Promise<Model> {
  const { file } = await quantized(original, rules);
  return openModel(file, { name: rules.dialect === "npz" ? "quantized.npz" : "quantized.safetensors" });
}

/** Halves of any magnitude that are finite. */
const floatsOfHalves = (dtype: "float16" | "bfloat16") => (seed: number) =>
  Uint16Array.from({ length: 3 * 100_003 }, (_, i) => ((i + seed) * 40503) & (dtype === "float16" ? 0xbfff : 0xbfbf));

/** A model of one tensor in memory. */
function modelOf(name: string, shape: number[], data: Float32Array | Float64Array): Model {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer);
  const read = async (offset: number, length: number) => bytes.slice(offset, offset + length);
  const dtype = data instanceof Float64Array ? "float64" : "float32";
  const tensors = [{ name, dtype, shape, byteLength: bytes.length, read }] as const;
  return {
    format: "safetensors",
    name: "model",
    files: [],
    byteLength: 0,
    metadata: {},
    tensors,
    close: async () => {},
  };
}

async function dequantizedFile(model: Model): Promise<Model> {
  const sink = blobSink();
  const { byteLength } = await dequantizeModel(channelwise, model, sink);
  const blob = await sink.blob();
  expect(blob.size).toBe(byteLength);
  return openModel(blob, { name: "dequantized.safetensors" });
}

async function floatsOf(model: Model, name: string): Promise<Float32Array | Float64Array> {
  const tensor = model.tensors.find((each) => each.name === name);
  if (!tensor) return expect.fail(`${name} is not there`);
  const { buffer } = await tensor.read(0, tensor.byteLength);
  return tensor.dtype === "float64" ? new Float64Array(buffer) : new Float32Array(buffer);
}

const inShort = ({ quantized }: Inspection) =>
  quantized.map(({ name, shape, scheme: { bits, axis, granularity } }) => ({ name, shape, bits, axis, granularity }));

const ways: [string, Rules][] = [
  ["plain", {}],
  ["plain, last axis", { axis: -1 }],
  ["plain, axis in the middle", { axis: 1 }],
  ["plain, one scale", { granularity: "tensor" }],
  ["plain, 12 bits", { bits: 12 }],
  ["plain, groups along the first axis", { bits: 4, granularity: { group: 8, along: 0 } }],
  ["plain, groups along the second axis", { granularity: { group: 16, along: 1 } }],
  ["comfyui", { dialect: "comfyui" }],
  ["comfyui, one scale", { dialect: "comfyui", granularity: "tensor" }],
  ["compressed-tensors", { dialect: "compressed-tensors" }],
  ["compressed-tensors, 4 bits", { dialect: "compressed-tensors", bits: 4 }],
  [
    "compressed-tensors, 4 bits, groups",
    { dialect: "compressed-tensors", bits: 4, granularity: { group: 16, along: 1 } },
  ],
  ["compressed-tensors-w8a8", { dialect: "compressed-tensors-w8a8" }],
  ["npz", { dialect: "npz" }],
  ["npz, groups", { dialect: "npz", granularity: { group: 3, along: -1 } }],
];

describe.each(ways)("%s", (_, rules) => {
  it("is recognized by its names and shapes", async () => {
    const { summary } = await quantized(original, rules);
    const inspection = await inspectModel(await reopened(rules));
    expect(inspection.dialect).toBe(rules.dialect ?? "plain");
    expect(inspection.unreadable).toEqual([]);
    // The file has an order of its own.
    const byName = <T extends { name: string }>(list: T[]) => list.sort((a, b) => (a.name < b.name ? -1 : 1));
    const decided = summary.tensors.map(({ tensor: name, ...each }) => ({ name, ...each }));
    expect(
      byName(
        inspection.quantized.map(({ name, byteLength, scheme: { axis, granularity } }) => ({
          name,
          byteLength,
          axis,
          granularity,
        })),
      ),
    ).toEqual(
      byName(
        decided.flatMap((each) =>
          each.quantize
            ? [
                {
                  name: each.name,
                  byteLength: each.bytesAfter,
                  axis: each.scheme.axis,
                  granularity: each.scheme.granularity,
                },
              ]
            : [],
        ),
      ),
    );
    expect(inspection.kept.map(({ name }) => name).sort()).toEqual(
      decided
        .filter(({ quantize }) => !quantize)
        .map(({ name }) => name)
        .sort(),
    );
  });

  it("is dequantized to the bits that the core gives", async () => {
    const model = await dequantizedFile(await reopened(rules));
    const { summary } = await quantized(original, rules);
    for (const [name, weights, shape] of [
      ["up.weight", up, [64, 96]],
      ["odd.weight", odd, [33, 65]],
      ["conv.kernel", conv, [32, 16, 3, 3]],
    ] as const) {
      const summed = summary.tensors.find(({ tensor }) => tensor === name);
      if (!summed?.quantize) {
        expectSameBits(await floatsOf(model, name), weights, name);
        continue;
      }
      const { bits, axis, granularity } = summed.scheme;
      const options = { shape, bits, granularity, ...(axis !== undefined && { axis }), dequantize: true } as const;
      expectSameBits(await floatsOf(model, name), channelwise.quantize(weights, options).dequantized, name);
    }
    expect(model.metadata).toEqual(rules.dialect === "npz" ? {} : { format: "pt" });
    expect(model.tensors).toHaveLength(5);
  });

  it("is compared with the original to the figures of the run", async () => {
    const { summary } = await quantized(original, rules);
    const { tensors: compared, missing, added } = await compareModels(channelwise, original, await reopened(rules));
    expect([missing, added]).toEqual([[], []]);
    for (const [i, each] of compared.entries()) {
      const summed = summary.tensors[i];
      expect(each).toMatchObject({
        tensor: summed.tensor,
        bytesBefore: summed.bytesBefore,
        bytesAfter: summed.bytesAfter,
      });
      if (!summed.quantize) {
        expect(each.result).toBe("same");
        continue;
      }
      if (each.result !== "near") return expect.fail(`${each.tensor} is ${each.result}`);
      expect(each.maxError).toBe(summed.maxError);
      expect(Math.abs(each.mse / summed.mse - 1)).toBeLessThan(1e-6);
      expect(each.sqnr).toBeCloseTo(summed.sqnr, 5);
    }
  });
});

it("codes are made for scales as they are stored: half precision costs no more than its rounding", async () => {
  const bits = Uint16Array.from(new Uint32Array(up.buffer), (word) => word >>> 16);
  const half = await openSafetensors(fileOf([{ name: "up.weight", dtype: "BF16", shape: [64, 96], data: bits }]));
  for (const rules of [{}, { bits: 4, granularity: { group: 32, along: 1 } }] as Rules[]) {
    const { file, summary } = await quantized(half, { dialect: "compressed-tensors", ...rules });
    const model = await openSafetensors(file);
    const restored = await floatsOf(await dequantizedFile(model), "up.weight");
    const weights = Float64Array.from(new Float32Array(Uint32Array.from(bits, (word) => word << 16).buffer));
    const squares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);
    const errors = weights.map((weight, i) => weight - restored[i]);
    const sqnr = 10 * Math.log10(squares(weights) / squares(errors));
    const [compared] = (await compareModels(channelwise, half, model)).tensors;
    expect((compared as { sqnr: number }).sqnr).toBeCloseTo(sqnr, 9);
    expect((summary.tensors[0] as { sqnr: number }).sqnr).toBeCloseTo(sqnr, 5);
    expect(summary.tensors[0]).toMatchObject({ maxError: Math.max(...errors.map(Math.abs)) });
    const exact = await quantized(half, rules);
    expect(sqnr).toBeGreaterThan((exact.summary.tensors[0] as { sqnr: number }).sqnr - 0.2);
  }
});

it("weights of any magnitude are compared without over- or underflow", async () => {
  for (const [dtype, unit] of [
    ["F32", FLT_MAX],
    ["F32", 2 ** -140],
    ["F64", DBL_MAX],
    ["F64", 2 ** -1060],
    ["F64", 2 ** -500],
  ] as const) {
    const data = (dtype === "F32" ? uniform("float32", 64 * 64, 1) : uniform("float64", 64 * 64, 1)).map(
      (w) => w * unit,
    );
    const source = await openSafetensors(fileOf([{ name: "a.weight", dtype, shape: [64, 64], data }]));
    const { file, summary } = await quantized(source);
    const [compared] = (await compareModels(channelwise, source, await openSafetensors(file))).tensors;
    expect(compared.result).toBe("near");
    const { sqnr, maxError } = compared as { sqnr: number; maxError: number };
    expect(maxError).toBe((summary.tensors[0] as { maxError: number }).maxError);
    expect(sqnr).toBeCloseTo((summary.tensors[0] as { sqnr: number }).sqnr, 4);
  }
});

it("weights of very different magnitudes far apart are compared without over- or underflow", async () => {
  const [rows, columns] = [2, 2 ** 20];
  for (const units of [
    [1e300, 1e-300],
    [1e-300, 1e300],
  ]) {
    const data = uniform("float64", rows * columns, 1).map((weight, i) => weight * units[Math.floor(i / columns)]);
    const source = modelOf("a.weight", [rows, columns], data);
    const { file, summary } = await quantized(source);
    const [compared] = (await compareModels(channelwise, source, await openSafetensors(file))).tensors;
    expect((compared as { sqnr: number }).sqnr).toBeCloseTo((summary.tensors[0] as { sqnr: number }).sqnr, 4);
  }
});

it.each<[number[], Rules]>([
  [[300, 5000], {}],
  [[300, 5000], { axis: 1 }],
  [[2, 1_200_000], {}],
  [[2, 1_200_000], { axis: 1 }],
  [[3, 7, 60_000], { axis: 1 }],
  [[1300, 1000], { granularity: "tensor" }],
  [[2, 1_200_000], { granularity: { group: 48, along: 1 } }],
  [[64, 40_000], { granularity: { group: 32, along: 0 } }],
])("weights of many stretches are dequantized to the core's bits: %j by %j", async (shape, rules) => {
  const weights = uniform(
    "float32",
    shape.reduce((a, b) => a * b, 1),
    1,
  );
  const { file } = await quantized(modelOf("a.weight", shape, weights), rules);
  const restored = await floatsOf(await dequantizedFile(await openSafetensors(file)), "a.weight");
  const { axis, granularity } = rules;
  const options = {
    shape,
    dequantize: true,
    ...(axis !== undefined && { axis }),
    ...(granularity && { granularity }),
  } as const;
  expectSameBits(restored, channelwise.quantize(weights, options).dequantized, "a.weight");
});

it("a model can be read back on workers", async () => {
  const parallel = await loadParallel({ workers: 2 });
  try {
    const model = await reopened({ dialect: "compressed-tensors", bits: 4 });
    expect(await compareModels(parallel, original, model)).toEqual(await compareModels(channelwise, original, model));
  } finally {
    parallel.close();
  }
});

describe("compareModels", () => {
  const variant = (changes: Partial<TensorToWrite>[], name = "variant.safetensors") =>
    openSafetensors(fileOf(tensors.map((tensor, i) => ({ ...tensor, ...changes[i] }))), name);

  it("tells what is the same, near, other, missing and added", async () => {
    const rounded = up.map((weight) => Math.fround(weight + 0.5) - 0.5);
    const other = await variant([
      { data: rounded },
      { name: "added.bias" },
      { shape: [65, 33] },
      { dtype: "I64", data: new BigInt64Array(4608) },
      { data: BigInt64Array.of(8n) },
    ]);
    const { tensors: compared, missing, added } = await compareModels(channelwise, original, other);
    expect(compared).toMatchObject([
      { tensor: "up.weight", result: "near", maxError: Math.max(...up.map((w, i) => Math.abs(w - rounded[i]))) },
      { tensor: "odd.weight", result: "other", reason: "its shape is [65, 33], and the original's [33, 65]" },
      { tensor: "conv.kernel", result: "other", reason: "its type is int64, and the original's float64" },
      { tensor: "steps", result: "other", reason: "its bytes differ" },
    ]);
    expect([missing, added]).toEqual([["up.bias"], ["added.bias"]]);
    const { tensors: same } = await compareModels(channelwise, original, await variant([]));
    expect(same.every(({ result }) => result === "same")).toBe(true);
  });

  it("measures floats of any type against those of any other, within 1e-12 of the exact sums", async () => {
    const ofHalves = { F16: floatsOfHalves("float16"), BF16: floatsOfHalves("bfloat16") };
    const kinds = {
      F32: (seed: number) => uniform("float32", count, seed),
      F64: (seed: number) => uniform("float64", count, seed),
      ...ofHalves,
    };
    const count = 3 * 100_003;
    const tensorOf = (dtype: keyof typeof kinds, seed: number) =>
      openSafetensors(fileOf([{ name: "a", dtype, shape: [3, 100_003], data: kinds[dtype](seed) }]));
    for (const dtype of ["F16", "BF16", "F32", "F64"] as const) {
      for (const other of ["F16", "BF16", "F32", "F64"] as const) {
        const [model, second] = [await tensorOf(dtype, 1), await tensorOf(other, 2)];
        const [weights, values] = await Promise.all([model, second].map(({ tensors: [a] }) => readFloats(a)));
        const { mse, sqnr } = exactFigures(weights, values);
        const [compared] = (await compareModels(channelwise, model, second)).tensors;
        const actual = compared as { mse: number; maxError: number; sqnr: number };
        expect(Math.abs(actual.mse / mse - 1), `${dtype} against ${other}`).toBeLessThan(1e-12);
        expect(actual.sqnr).toBeCloseTo(sqnr, 10);
        let largest = 0;
        for (const [i, weight] of weights.entries()) largest = Math.max(largest, Math.abs(weight - values[i]));
        expect(actual.maxError).toBe(largest);
      }
    }
  });

  it("tells by their figures where floats are not finite", async () => {
    const of = (data: Float32Array) => openSafetensors(fileOf([{ name: "a", dtype: "F32", shape: [3], data }]));
    const figures = async (weights: number[], values: number[]) => {
      const both = await Promise.all([weights, values].map((each) => of(Float32Array.of(...each))));
      return (await compareModels(channelwise, both[0], both[1])).tensors[0];
    };
    const not = { mse: NaN, maxError: NaN, sqnr: NaN };
    expect(await figures([1, NaN, 2], [1, 1, 2])).toMatchObject(not);
    expect(await figures([1, Infinity, 2], [1, Infinity, 3])).toMatchObject(not);
    expect(await figures([1, 3, 2], [1, -Infinity, 2])).toMatchObject({ mse: Infinity, maxError: Infinity });
    expect(await figures([1, NaN, -0], [1, NaN, -0])).toMatchObject({ result: "same" });
    expect(await figures([1, 3, -0], [1, 3, 0])).toMatchObject({ result: "near", mse: 0, sqnr: Infinity });
  });

  it("gives Infinity where floats of another type are equal", async () => {
    const floats = Float32Array.of(...Array.from({ length: 64 * 96 }, (_, i) => i % 7));
    const single = await openSafetensors(fileOf([{ name: "a", dtype: "F32", shape: [64, 96], data: floats }]));
    const double = await openSafetensors(
      fileOf([{ name: "a", dtype: "F64", shape: [64, 96], data: Float64Array.from(floats) }]),
    );
    expect((await compareModels(channelwise, single, double)).tensors).toMatchObject([
      { result: "near", mse: 0, maxError: 0, sqnr: Number.POSITIVE_INFINITY },
    ]);
  });

  it("wants the original first", async () => {
    const model = await reopened({});
    await expect(compareModels(channelwise, model, original)).rejects.toThrow(
      "quantized.safetensors is quantized; give the original first",
    );
  });
});

describe("tensors that other tools quantized", () => {
  const codes = { name: "a.weight", dtype: "I8", shape: [4, 8], data: new Int8Array(32).fill(3) };
  const scales = { name: "a.weight_scale", dtype: "F32", shape: [4], data: Float32Array.of(1, 2, 3, 4) };
  const marker = (text: string) => {
    const data = new TextEncoder().encode(text);
    return { name: "a.comfy_quant", dtype: "U8", shape: [data.length], data };
  };
  const inspect = async (files: TensorToWrite[]) => inspectModel(await openSafetensors(fileOf(files)));

  it("may have scales of one dimension, in half precision", async () => {
    const half = { ...scales, dtype: "BF16", data: Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080) };
    for (const given of [scales, half]) {
      const inspection = await inspect([codes, given]);
      expect(inShort(inspection)).toEqual([
        { name: "a.weight", shape: [4, 8], bits: 8, axis: 0, granularity: "channel" },
      ]);
      const model = await dequantizedFile(await openSafetensors(fileOf([codes, given])));
      expect(await floatsOf(model, "a.weight")).toEqual(
        Float32Array.from({ length: 32 }, (_, i) => 3 * (1 + Math.floor(i / 8))),
      );
    }
  });

  it.each<[string, TensorToWrite[], string]>([
    [
      "rotations over the end of a row",
      [codes, scales, marker('{"format":"int8_tensorwise","convrot":true}')],
      "its convrot_groupsize is 256, which does not divide 8 columns",
    ],
    [
      "rotations of another size, under params",
      [codes, scales, marker('{"format":"int8_tensorwise","params":{"convrot":true,"convrot_groupsize":8}}')],
      "its convrot_groupsize is 8; it must be a power of 4",
    ],
    [
      "another format",
      [codes, scales, marker('{"format":"float8_e4m3fn"}')],
      'its format is "float8_e4m3fn"; int8_tensorwise can be read',
    ],
    [
      "scales of blocks",
      [codes, { ...scales, shape: [2, 2] }],
      "scales of shape [2, 2] do not fit weights of shape [4, 8]",
    ],
    [
      "scales of other rows",
      [codes, { ...scales, shape: [3], data: Float32Array.of(1, 2, 3) }],
      "scales of shape [3] do not fit",
    ],
  ])("are named when they cannot be read: %s", async (_, files, reason) => {
    const inspection = await inspect(files);
    expect(inspection.quantized).toEqual([]);
    expect(inspection.unreadable).toMatchObject([{ tensor: "a.weight", reason: expect.stringContaining(reason) }]);
    expect(inspection.kept).toHaveLength(files.length);
    const model = await openSafetensors(fileOf(files));
    const sink = blobSink();
    await expect(dequantizeModel(channelwise, model, sink)).rejects.toThrow(`tensor a.weight: ${reason}`);
    const float = modelOf("a.weight", [4, 8], new Float32Array(32));
    const { tensors } = await compareModels(channelwise, float, model);
    expect(tensors).toMatchObject([{ result: "other", reason: expect.stringContaining(reason) }]);
  });

  const packed = (more: TensorToWrite[] = [], shape = BigInt64Array.of(4n, 8n), words = [4, 1]): TensorToWrite[] => [
    { name: "a.weight_packed", dtype: "I32", shape: words, data: new Int32Array(words[0] * words[1]) },
    { ...scales, shape: [4, 1] },
    { name: "a.weight_shape", dtype: "I64", shape: [2], data: shape },
    ...more,
  ];

  it("are named when they are packed in ways that are not read", async () => {
    const order = { name: "a.weight_g_idx", dtype: "I32", shape: [8], data: new Int32Array(8) };
    expect((await inspect(packed([order]))).unreadable).toMatchObject([
      { reason: "it has a weight_g_idx, which is not read" },
    ]);
    const zeroPoint = { name: "a.weight_zero_point", dtype: "I32", shape: [1, 2], data: new Int32Array(2) };
    expect((await inspect(packed([zeroPoint]))).unreadable).toMatchObject([
      { reason: "its zero points are int32 [1, 2], not int32 [1, 1]" },
    ]);
    expect((await inspect(packed([], BigInt64Array.of(4n, 24n), [4, 2]))).unreadable).toMatchObject([
      { reason: "words of shape [4, 2] do not hold 4 or 8 bits for each weight" },
    ]);
    expect(inShort(await inspect(packed()))).toMatchObject([{ name: "a.weight", shape: [4, 8], bits: 4 }]);
  });

  it.each<[string, TensorToWrite[], RegExp]>([
    ["a shape of no rows", packed([], BigInt64Array.of(0n, 8n)), /^a\.weight_shape is \[0, 8\], which codes/],
    ["a shape of too many columns", packed([], BigInt64Array.of(4n, 2n ** 62n)), /cannot hold$/],
    ["a negative shape", packed([], BigInt64Array.of(-4n, -8n)), /is \[-4, -8\]/],
    ["a marker that is no JSON", [codes, scales, marker("oops")], /^a\.comfy_quant cannot be read: it is not JSON/],
    ["a marker of zero bytes", [codes, scales, marker("\0".repeat(29))], /^a\.comfy_quant is empty/],
    ["a marker without bytes", [codes, scales, marker("")], /^a\.comfy_quant is empty/],
    ["a marker too long", [codes, scales, marker(" ".repeat(5000))], /^a\.comfy_quant has 5000 bytes; at most 4096/],
    [
      "scales that are empty",
      [codes, { ...scales, shape: [0], data: new Float32Array() }],
      /^a\.weight_scale is empty$/,
    ],
  ])("are named when they are damaged, and the others are read: %s", async (_, files, reason) => {
    const b: TensorToWrite[] = [codes, scales].map((each) => ({ ...each, name: each.name.replace("a.", "b.") }));
    const model = await openSafetensors(fileOf([...files, ...b]));
    const { quantized: found, unreadable, kept } = await inspectModel(model);
    expect(unreadable).toMatchObject([{ tensor: files[0].name, reason: expect.stringMatching(reason) }]);
    expect(found.map(({ name }) => name)).toEqual(["b.weight"]);
    expect(kept.map(({ name }) => name).sort()).toEqual(files.map(({ name }) => name).sort());

    const sink = blobSink();
    expect(await dequantizeModel(channelwise, model, sink)).toMatchObject({ unreadable });
    const restored = await openModel(await sink.blob(), { name: "restored.safetensors" });
    expect(await floatsOf(restored, "b.weight")).toEqual(
      Float32Array.from({ length: 32 }, (_, i) => 3 * (1 + Math.floor(i / 8))),
    );
    const restoredCodes = restored.tensors.find(({ name }) => name === files[0].name);
    expect(await restoredCodes?.read(0, restoredCodes.byteLength)).toEqual(bytesOf(files[0].data));

    const floats = ["a.weight", "b.weight"].map((name) => ({
      name,
      dtype: "F32",
      shape: [4, 8],
      data: new Float32Array(32),
    }));
    const { tensors: compared, added } = await compareModels(channelwise, await openSafetensors(fileOf(floats)), model);
    expect(added.filter((name) => name.startsWith("a.weight ("))).toEqual([]);
    const told = { result: "other", reason: expect.stringMatching(/^it is quantized, but cannot be read: a\./) };
    expect(compared).toMatchObject([
      ...(files[0].name === "a.weight" ? [{ tensor: "a.weight", ...told }] : []),
      { result: "near" },
    ]);
  });

  it("are none where there are none", async () => {
    expect(await inspectModel(original)).toMatchObject({ dialect: undefined, quantized: [], unreadable: [] });
    const sink = blobSink();
    await expect(dequantizeModel(channelwise, original, sink)).rejects.toThrow(
      "original.safetensors has no quantized tensors",
    );
  });
});
