import { load, NonFiniteError, type QuantizeOptions } from "channelwise";
import {
  type ByteSink,
  type Model,
  outputBytes,
  type Plan,
  type Progress,
  planModel,
  quantizeModel,
  type Rules,
  StoppedError,
} from "channelwise/models";
import { load as loadParallel } from "channelwise/parallel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { openSafetensors, quantized } from "./run.js";
import { bytesOf, fileOf, parseSafetensors, type TensorToWrite } from "./safetensors-file.js";

const channelwise = await load();

/** The upper halves of floats, as bfloat16 bits. */
const bfloat16 = (floats: Float32Array) => Uint16Array.from(new Uint32Array(floats.buffer), (bits) => bits >>> 16);
const widened = (halves: Uint16Array) => new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);

const up = uniform("float32", 64 * 96, 1);
const down = bfloat16(uniform("float32", 96 * 64, 2));
const odd = uniform("float32", 33 * 65, 3);
const double = uniform("float64", 64 * 32, 4);
const tensors: TensorToWrite[] = [
  { name: "norm.weight", dtype: "F32", shape: [5], data: uniform("float32", 5, 5) },
  { name: "up.weight", dtype: "F32", shape: [64, 96], data: up },
  { name: "up.bias", dtype: "F32", shape: [64], data: uniform("float32", 64, 6) },
  { name: "down.weight", dtype: "BF16", shape: [96, 64], data: down },
  { name: "odd.weight", dtype: "F32", shape: [33, 65], data: odd },
  { name: "double.weight", dtype: "F64", shape: [64, 32], data: double },
  { name: "steps", dtype: "I64", shape: [], data: BigInt64Array.of(7n) },
  { name: "mask", dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
];
const modelFile = fileOf(tensors, { format: "pt", note: "kept" });
const openTestModel = () => openSafetensors(modelFile);

const int8 = (bytes: Uint8Array) => new Int8Array(bytes.slice().buffer);
const float32 = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);

/** A model of tensors that cannot be read. */
function model(parts: Partial<Model> & Pick<Model, "tensors">): Model {
  return {
    format: "safetensors",
    name: "model",
    files: [],
    byteLength: 0,
    metadata: {},
    close: async () => {},
    ...parts,
  };
}

/** A sink that records its calls. */
function recorder(fail: Partial<ByteSink> = {}) {
  const log: string[] = [];
  const sink: ByteSink = {
    write: async (offset, bytes) => void log.push(`write ${offset} ${bytes.length}`),
    close: async () => void log.push("close"),
    abort: async () => void log.push("abort"),
    ...fail,
  };
  return { sink, log };
}

describe("the plain dialect", () => {
  it("has the codes that the core gives, a scale beside them, and all else byte for byte", async () => {
    const { file, summary } = await quantized(await openTestModel());
    const { tensors: written, data, metadata } = parseSafetensors(file);
    expect(metadata).toEqual({ format: "pt", note: "kept" });
    for (const [name, weights, shape] of [
      ["up.weight", up, [64, 96]],
      ["down.weight", widened(down), [96, 64]],
      ["odd.weight", odd, [33, 65]],
    ] as const) {
      const result = channelwise.quantize(weights, { shape });
      expect(written[name]).toMatchObject({ dtype: "I8", shape });
      expect(written[`${name}_scale`]).toMatchObject({ dtype: "F32", shape: [shape[0], 1] });
      expectSameBits(int8(data[name]), result.quantized, name);
      expectSameBits(float32(data[`${name}_scale`]), result.scales, `${name}_scale`);
      const { mse, maxError, sqnr } = result;
      expect(summary.tensors.find(({ tensor }) => tensor === name)).toMatchObject({ mse, maxError, sqnr });
    }
    expect(written["double.weight_scale"]).toMatchObject({ dtype: "F64", shape: [64, 1] });
    expectSameBits(int8(data["double.weight"]), channelwise.quantize(double, { shape: [64, 32] }).quantized, "double");
    for (const { name, dtype, shape, data: original } of tensors) {
      if (["norm.weight", "up.bias", "steps", "mask"].includes(name)) {
        expect(written[name]).toMatchObject({ dtype, shape });
        expect(data[name]).toEqual(bytesOf(original));
      }
    }
    expect(Object.keys(written)).toHaveLength(12);
  });

  it.each<[Pick<QuantizeOptions, "axis" | "bits" | "granularity">, string, number[]]>([
    [{ axis: 1 }, "I8", [1, 96]],
    [{ granularity: "tensor" }, "I8", []],
    [{ granularity: { group: 32, along: 1 } }, "I8", [64, 3]],
    [{ granularity: { group: 32, along: 0 }, bits: 4 }, "I8", [2, 96]],
    [{ bits: 9 }, "I16", [64, 1]],
  ])("holds any layout: %j", async (rules, dtype, scaleShape) => {
    const { file } = await quantized(await openTestModel(), rules);
    const { tensors: written, data } = parseSafetensors(file);
    const result = channelwise.quantize(up, { shape: [64, 96], ...rules });
    expect(written["up.weight"]).toMatchObject({ dtype, shape: [64, 96] });
    expect(written["up.weight_scale"]).toMatchObject({ dtype: "F32", shape: scaleShape });
    expect(data["up.weight"]).toEqual(bytesOf(result.quantized));
    expectSameBits(float32(data["up.weight_scale"]), result.scales as Float32Array, "scales");
  });

  it("says what was done, and how long the file is", async () => {
    const source = await openTestModel();
    const { file, summary } = await quantized(source, { exclude: ["odd*"] });
    expect(summary.byteLength).toBe(file.length);
    expect(outputBytes(planModel(source, { exclude: ["odd*"] }))).toBe(file.length);
    expect(
      summary.tensors.map(({ tensor, quantize, bytesBefore, bytesAfter }) => [
        tensor,
        quantize,
        bytesBefore,
        bytesAfter,
      ]),
    ).toEqual([
      ["norm.weight", false, 20, 20],
      ["up.weight", true, 64 * 96 * 4, 64 * 96 + 64 * 4],
      ["up.bias", false, 256, 256],
      ["down.weight", true, 96 * 64 * 2, 96 * 64 + 96 * 4],
      ["odd.weight", false, 33 * 65 * 4, 33 * 65 * 4],
      ["double.weight", true, 64 * 32 * 8, 64 * 32 + 64 * 8],
      ["steps", false, 8, 8],
      ["mask", false, 3, 3],
    ]);
    expect(summary.tensors[4]).toMatchObject({ reason: "excluded" });
  });
});

describe("a .safetensors file that is written", () => {
  const dtypes = fc.constantFrom(["F32", 4], ["BF16", 2], ["I8", 1], ["F64", 8], ["U8", 1]) as fc.Arbitrary<
    [string, number]
  >;
  const shape = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 3 });
  const anyTensors = fc.uniqueArray(fc.record({ name: fc.string({ unit: "grapheme" }), dtype: dtypes, shape }), {
    selector: ({ name }) => name,
    maxLength: 12,
  });

  it("has every tensor at a multiple of its elements' size, without holes", async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, async (given) => {
        fc.pre(given.every(({ name }) => name !== "__metadata__" && name !== "__proto__"));
        const written = given.map(({ name, dtype: [dtype, size], shape }) => ({
          name,
          dtype,
          shape,
          data: new Uint8Array(shape.reduce((a, b) => a * b, size)).fill(0x3c),
        }));
        const source = await openSafetensors(fileOf(written));
        const { file } = await quantized(source, { include: ["*"], overrides: { "*a*": { keep: true } } });
        const { length, tensors: header } = parseSafetensors(file);
        expect((8 + length) % 8).toBe(0);
        let position = 0;
        for (const {
          dtype,
          data_offsets: [begin, end],
        } of Object.values(header).sort(
          (a, b) => a.data_offsets[1] - b.data_offsets[1] || a.data_offsets[0] - b.data_offsets[0],
        )) {
          expect(begin).toBe(position);
          expect(begin % ({ F64: 8, I64: 8, F32: 4, BF16: 2 }[dtype] ?? 1)).toBe(0);
          position = end;
        }
        expect(8 + length + position).toBe(file.length);
        await openSafetensors(file); // checks everything again
      }),
      { numRuns: 200 },
    );
  });

  it("is written from its start to its end where all tensors have a multiple of 8 bytes", async () => {
    const even = tensors.filter(({ name }) => /up|down|double|steps/.test(name));
    const source = await openSafetensors(fileOf(even));
    const ends: [number, number][] = [];
    const { sink } = recorder({ write: async (offset, bytes) => void ends.push([offset, offset + bytes.length]) });
    await quantizeModel(channelwise, planModel(source), sink);
    let position = 0;
    for (const [begin, end] of ends.sort(([a], [b]) => a - b)) {
      expect(begin).toBe(position);
      position = end;
    }
  });

  it("is the same from workers", async () => {
    const parallel = await loadParallel({ workers: 2 });
    try {
      for (const dialect of ["plain", "comfyui", "compressed-tensors", "compressed-tensors-w8a8", "npz"] as const) {
        const rules: Rules = { dialect, exclude: dialect === "npz" ? ["down*"] : [] };
        const source = await openSafetensors(
          dialect === "npz" ? fileOf(tensors.filter(({ dtype }) => dtype !== "BF16")) : modelFile,
        );
        const one = await quantized(source, rules);
        const many = await quantized(source, rules, parallel as never);
        expect(many.file).toEqual(one.file);
        expect(many.summary).toEqual(one.summary);
      }
    } finally {
      parallel.close();
    }
  });
});

describe("the comfyui dialect", () => {
  it("has what ComfyUI's int8_tensorwise layers have", async () => {
    const { file } = await quantized(await openTestModel(), { dialect: "comfyui" });
    const { tensors: written, data, metadata } = parseSafetensors(file);
    const result = channelwise.quantize(up, { shape: [64, 96] });
    expect(written["up.weight"]).toMatchObject({ dtype: "I8", shape: [64, 96] });
    expect(data["up.weight"]).toEqual(bytesOf(result.quantized));
    expect(written["up.weight_scale"]).toMatchObject({ dtype: "F32", shape: [64, 1] });
    expect(data["up.weight_scale"]).toEqual(bytesOf(result.scales));
    expect(written["up.comfy_quant"]).toMatchObject({ dtype: "U8", shape: [28] });
    expect(new TextDecoder().decode(data["up.comfy_quant"])).toBe('{"format":"int8_tensorwise"}');
    expect(data["up.bias"]).toEqual(bytesOf(tensors[2].data));
    expect(metadata).toEqual({ format: "pt", note: "kept" });
    expect(written["double.weight_scale"]).toMatchObject({ dtype: "F32", shape: [64, 1] });
    expectSameBits(
      float32(data["double.weight_scale"]),
      Float32Array.from(channelwise.quantize(double, { shape: [64, 32] }).scales),
      "scales of float64 weights",
    );
  });

  it("has a scale without dimensions for one scale", async () => {
    const { file } = await quantized(await openTestModel(), { dialect: "comfyui", granularity: "tensor" });
    expect(parseSafetensors(file).tensors["up.weight_scale"]).toMatchObject({ dtype: "F32", shape: [] });
  });
});

/** The codes of rows as consecutive bits, least significant first, as compressed-tensors' pack_to_int32 writes them. */
function packedBits(codes: Int8Array, columns: number, bits: number): Uint8Array {
  const words = Math.ceil((columns * bits) / 32);
  const rows = codes.length / columns;
  const packed = new Uint8Array(4 * words * rows);
  codes.forEach((code, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    for (let bit = 0; bit < bits; bit++) {
      const at = row * words * 32 + column * bits + bit;
      packed[at >> 3] |= (((code + 2 ** (bits - 1)) >> bit) & 1) << (at & 7);
    }
  });
  return packed;
}

describe("the compressed-tensors dialects", () => {
  it.each<[number, Rules["granularity"], number[]]>([
    [8, "channel", [64, 1]],
    [4, "channel", [64, 1]],
    [4, { group: 32, along: 1 }, [64, 3]],
    [8, { group: 8, along: -1 }, [64, 12]],
  ])("pack %i bits, scales for each %j", async (bits, granularity, scaleShape) => {
    const rules: Rules = { dialect: "compressed-tensors", bits, ...(granularity && { granularity }) };
    const { file } = await quantized(await openTestModel(), rules);
    const { tensors: written, data } = parseSafetensors(file);
    const result = channelwise.quantize(up, { shape: [64, 96], bits, ...(granularity && { granularity }) });
    expect(written["up.weight"]).toBeUndefined();
    expect(written["up.weight_packed"]).toMatchObject({ dtype: "I32", shape: [64, (96 * bits) / 32] });
    expect(data["up.weight_packed"]).toEqual(packedBits(result.quantized as Int8Array, 96, bits));
    expect(written["up.weight_scale"]).toMatchObject({ dtype: "F32", shape: scaleShape });
    expect(data["up.weight_scale"]).toEqual(bytesOf(result.scales));
    expect(written["up.weight_shape"]).toMatchObject({ dtype: "I64", shape: [2] });
    expect(new BigInt64Array(data["up.weight_shape"].slice().buffer)).toEqual(BigInt64Array.of(64n, 96n));
  });

  it.each([4, 8])("begin every row with a new word, at %i bits", async (bits) => {
    const { file } = await quantized(await openTestModel(), { dialect: "compressed-tensors", bits });
    const { quantized: codes } = channelwise.quantize(odd, { shape: [33, 65], bits });
    expect(parseSafetensors(file).data["odd.weight_packed"]).toEqual(packedBits(codes as Int8Array, 65, bits));
  });

  it("have scales in the model's type", async () => {
    const { file } = await quantized(await openTestModel(), { dialect: "compressed-tensors" });
    const { tensors: written, data } = parseSafetensors(file);
    const { scales } = channelwise.quantize(widened(down), { shape: [96, 64] });
    expect(written["down.weight_scale"]).toMatchObject({ dtype: "BF16", shape: [96, 1] });
    const stored = new Uint16Array(data["down.weight_scale"].slice().buffer);
    widened(stored).forEach((scale, i) => {
      expect(Math.abs(scale - scales[i])).toBeLessThanOrEqual(scales[i] * 2 ** -8);
    });
    expect(written["double.weight_scale"]).toMatchObject({ dtype: "F32" });
  });

  it("have int8 codes as they are for W8A8", async () => {
    const { file } = await quantized(await openTestModel(), { dialect: "compressed-tensors-w8a8" });
    const { tensors: written, data } = parseSafetensors(file);
    const result = channelwise.quantize(up, { shape: [64, 96] });
    expect(written["up.weight"]).toMatchObject({ dtype: "I8", shape: [64, 96] });
    expect(data["up.weight"]).toEqual(bytesOf(result.quantized));
    expect(written["down.weight_scale"]).toMatchObject({ dtype: "F32", shape: [96, 1] });
  });

  const config = async (rules: Rules, extra: TensorToWrite[] = []) => {
    const { summary } = await quantized(await openSafetensors(fileOf([...tensors, ...extra])), rules);
    return JSON.parse(summary.metadata.quantization_config);
  };
  const square = (name: string): TensorToWrite => ({
    name,
    dtype: "F32",
    shape: [64, 64],
    data: uniform("float32", 4096, 1),
  });

  it("describe themselves for config.json", async () => {
    const extra = [square("lm_head.weight"), square("embed_tokens.weight"), square("gate.weight"), square("ln.weight")];
    const rules = { dialect: "compressed-tensors-w8a8", exclude: ["gate.*"] } as const;
    expect(await config(rules, extra)).toEqual({
      quant_method: "compressed-tensors",
      format: "int-quantized",
      quantization_status: "compressed",
      global_compression_ratio: null,
      kv_cache_scheme: null,
      ignore: ["lm_head", "gate"],
      config_groups: {
        group_0: {
          targets: ["Linear"],
          weights: {
            num_bits: 8,
            type: "int",
            symmetric: true,
            strategy: "channel",
            group_size: null,
            dynamic: false,
            observer: "minmax",
          },
          input_activations: { num_bits: 8, type: "int", symmetric: true, strategy: "token", dynamic: true },
          output_activations: null,
        },
      },
    });
  });

  it("name the head that shares the weights of an embedding, as loaders call it", async () => {
    const rules = { dialect: "compressed-tensors" } as const;
    const of = async (...names: string[]) => (await config(rules, names.map(square))).ignore;
    expect(await of("model.embed_tokens.weight")).toEqual(["lm_head"]);
    expect(await of("model.language_model.embed_tokens.weight")).toEqual(["lm_head"]);
    expect(await of("language_model.model.embed_tokens.weight")).toEqual(["lm_head", "language_model.lm_head"]);
    expect(await of("tok_embeddings.weight", "output.weight")).toEqual(["output"]);
  });

  it("name experts that lie in one tensor, as vLLM asks for them", async () => {
    const experts = (name: string, shape: number[]): TensorToWrite => ({
      ...{ name, dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1) },
    });
    const llama = "model.layers.0.mlp.experts";
    const granite = "model.layers.1.block_sparse_moe";
    const { ignore } = await config({ dialect: "compressed-tensors" }, [
      experts(`${llama}.gate_up_proj`, [4, 64, 32]),
      experts(`${llama}.down_proj`, [4, 32, 32]),
      experts(`${llama}.gate_up_proj_bias`, [4, 64]),
      experts(`${granite}.input_linear.weight`, [4, 64, 32]),
      experts("model.layers.2.mlp.shared_experts.up_proj.weight", [64, 32]),
      square("model.layers.2.mlp.gate.weight"),
      experts("model.layers.3.conv1d.weight", [64, 1, 32]),
    ]);
    const asked = (module: string) => [module, ...["gate", "up", "down"].map((layer) => `${module}.0.${layer}_proj`)];
    expect(ignore).toEqual([
      ...asked(llama),
      ...asked(`${granite}.experts`),
      ...["model.layers.2.mlp.gate", "model.layers.3.conv1d", "lm_head"],
    ]);
  });

  it("name experts as vLLM asks for them, whatever they are called", async () => {
    const names = (layer: number) =>
      [0, 1].flatMap((i) => ["w1", "w2", "w3"].map((w) => `l.${layer}.experts.${i}.${w}`));
    const extra = [...names(0), ...names(1)].map((name) => square(`${name}.weight`));
    const rules = { dialect: "compressed-tensors", exclude: ["l.0.*"], overrides: { "l.1.*": { bits: 4 } } } as const;
    const { ignore, config_groups } = await config(rules, extra);
    const asked = (layer: number) => ["gate", "up", "down"].map((each) => `l.${layer}.experts.0.${each}_proj`);
    expect(new Set(ignore)).toEqual(new Set([...names(0), ...asked(0), "lm_head"]));
    expect(new Set(config_groups.group_1.targets)).toEqual(new Set([...names(1), ...asked(1)]));
  });

  it("name the layers where there are several ways", async () => {
    const { format, config_groups } = await config({
      dialect: "compressed-tensors",
      bits: 4,
      granularity: { group: 32, along: 1 },
      overrides: { "down*": { bits: 8, granularity: "channel" } },
    });
    expect(format).toBe("pack-quantized");
    expect(config_groups).toMatchObject({
      group_0: {
        targets: ["up", "double"],
        weights: { num_bits: 4, strategy: "group", group_size: 32 },
        input_activations: null,
      },
      group_1: { targets: ["down"], weights: { num_bits: 8, strategy: "channel", group_size: null } },
    });
  });
});

describe("a run", () => {
  it("says which share of the bytes stayed floats, and why", async () => {
    const square = (name: string): TensorToWrite => ({
      name,
      dtype: "F32",
      shape: [32, 32],
      data: uniform("float32", 1024, 1),
    });
    const names = ["lm_head.weight", "model.embed_tokens.weight", "a.q_proj.weight", "a.k_proj.weight", "b.weight"];
    const more: TensorToWrite[] = [
      { name: "n1.weight", dtype: "F32", shape: [8, 8], data: new Float32Array(64) },
      { name: "n2.weight", dtype: "F32", shape: [8, 4], data: new Float32Array(32) },
      { name: "ids", dtype: "I64", shape: [1024], data: new BigInt64Array(1024) },
    ];
    const source = await openSafetensors(fileOf([...names.map(square), ...more]));
    const { summary } = await quantized(source, { dialect: "compressed-tensors", exclude: ["a.k*"] });
    expect(summary.keptFloats).toEqual({
      byteLength: 3 * 4096 + 384,
      share: (3 * 4096 + 384) / (5 * 4096 + 384 + 8192),
      reasons: [
        { reason: "the output head, which vLLM expects as it is", tensors: 1, byteLength: 4096 },
        { reason: "an embedding; compressed-tensors quantizes linear layers", tensors: 1, byteLength: 4096 },
        { reason: "excluded", tensors: 1, byteLength: 4096 },
        { reason: "small", tensors: 2, byteLength: 384 },
      ],
    });
    expect(summary.warnings).toEqual([
      "vLLM joins q_proj, k_proj of a but refuses layers that are quantized in different ways: 8 bits per channel (q_proj), kept (k_proj)",
    ]);
    const all = await quantized(source, { include: ["*"] });
    expect(all.summary).toMatchObject({ keptFloats: { byteLength: 0, share: 0, reasons: [] }, warnings: [] });
  });

  it("keeps a leftover scale, and the weight that would need its name, byte for byte", async () => {
    const leftover: TensorToWrite = {
      name: "up.weight_scale",
      dtype: "F32",
      shape: [64, 1],
      data: uniform("float32", 64, 9),
    };
    const { file } = await quantized(await openSafetensors(fileOf([...tensors, leftover])));
    const { data, tensors: written } = parseSafetensors(file);
    expect(data["up.weight_scale"]).toEqual(bytesOf(leftover.data));
    expect(data["up.weight"]).toEqual(bytesOf(up));
    expect(written["odd.weight"]).toMatchObject({ dtype: "I8" });
  });

  it("tells its progress in bytes", async () => {
    const source = await openTestModel();
    const told: Progress[] = [];
    await quantizeModel(channelwise, planModel(source), recorder().sink, {
      onProgress: (p) => told.push(p),
    });
    const total = source.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(told.every((progress) => progress.total === total)).toBe(true);
    expect(told.map(({ done }) => done)).toEqual(told.map(({ done }) => done).sort((a, b) => a - b));
    expect(told.at(-1)).toEqual({ tensor: "mask", done: total, total });
    expect(new Set(told.map(({ tensor }) => tensor)).size).toBe(8);
  });

  it("names the tensor with a weight that is not finite, and leaves no file", async () => {
    for (const [value, dtype] of [
      [Number.NaN, "F32"],
      [Number.NEGATIVE_INFINITY, "F64"],
    ] as const) {
      const data = dtype === "F32" ? uniform("float32", 64 * 64, 1) : uniform("float64", 64 * 64, 1);
      data[64 * 3 + 5] = value;
      const source = await openSafetensors(fileOf([...tensors, { name: "bad.weight", dtype, shape: [64, 64], data }]));
      const { sink, log } = recorder();
      const error = await quantizeModel(channelwise, planModel(source), sink).catch((e) => e);
      expect(error).toBeInstanceOf(NonFiniteError);
      expect(error).toMatchObject({ tensor: "bad.weight", index: 197, channel: 3, value });
      expect(error.message).toBe(`tensor bad.weight: weights[197] (channel 3) is ${value}; weights must be finite`);
      expect(log.at(-1)).toBe("abort");
      expect(log).not.toContain("close");
    }
  });

  it("keeps weights that are not finite where it does not quantize them", async () => {
    const data = new Float32Array(64 * 64).fill(Number.NaN);
    const file = fileOf([{ name: "bad.weight", dtype: "F32", shape: [64, 64], data }]);
    const kept = await quantized(await openSafetensors(file), { exclude: ["*"] });
    expect(parseSafetensors(kept.file).data["bad.weight"]).toEqual(bytesOf(data));
  });

  it.each(["norm.weight", "up.weight", "mask"])("ends with the signal, at %s, and leaves no file", async (at) => {
    const source = await openTestModel();
    const controller = new AbortController();
    const { sink, log } = recorder();
    const reason = new Error("enough");
    const tensors = source.tensors.map((tensor) => ({
      ...tensor,
      read: (offset: number, length: number) => {
        if (tensor.name === at) controller.abort(reason);
        return tensor.read(offset, length);
      },
    }));
    const run = quantizeModel(channelwise, planModel({ ...source, tensors }), sink, {
      signal: controller.signal,
    });
    const error = await run.catch((e) => e);
    expect(error).toBeInstanceOf(StoppedError);
    expect(error).toMatchObject({ tensor: at, cause: reason, message: `stopped at tensor ${at}: enough` });
    expect(log.at(-1)).toBe("abort");
  });

  it("does not begin when the signal was there before", async () => {
    const source = await openTestModel();
    const { sink, log } = recorder();
    const run = quantizeModel(channelwise, planModel(source), sink, { signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ name: "StoppedError", tensor: "norm.weight" });
    expect(log.at(-1)).toBe("abort");
  });

  it("names the tensor that cannot be read or written, and leaves no file", async () => {
    const source = await openTestModel();
    const broken = source.tensors.map((tensor) =>
      tensor.name === "up.weight" ? { ...tensor, read: () => Promise.reject(new Error("disk is gone")) } : tensor,
    );
    const { sink, log } = recorder();
    await expect(quantizeModel(channelwise, planModel({ ...source, tensors: broken }), sink)).rejects.toMatchObject({
      message: "stopped at tensor up.weight: disk is gone",
      tensor: "up.weight",
      cause: new Error("disk is gone"),
    });
    expect(log.at(-1)).toBe("abort");

    const full = recorder({
      write: async (offset) => {
        if (offset > 2000) throw new Error("disk is full");
      },
    });
    await expect(quantizeModel(channelwise, planModel(source), full.sink)).rejects.toThrow(
      /stopped at tensor .*: disk is full/,
    );
    expect(full.log).toEqual(["abort"]);
  });

  it("aborts when closing fails", async () => {
    const source = await openTestModel();
    const { sink, log } = recorder({ close: () => Promise.reject(new Error("no room")) });
    await expect(quantizeModel(channelwise, planModel(source), sink)).rejects.toThrow("no room");
    expect(log.at(-1)).toBe("abort");
  });
});

describe("wrong arguments", () => {
  const bad = async (plan: Plan, more: object = {}) => {
    const { sink, log } = recorder();
    const error = await quantizeModel(channelwise, plan, sink, more).catch((e) => e);
    expect(log).toEqual(["abort"]); // nothing was written
    return error;
  };

  it("are refused before anything is written", async () => {
    const source = await openTestModel();
    const plan = planModel(source);
    expect(await bad(planModel(source, { dialect: "npz", exclude: ["*"] }))).toMatchObject({
      name: "RangeError",
      message: expect.stringContaining("tensor down.weight is bfloat16, which .npz files cannot hold"),
    });
    expect(await bad(plan, { sinal: 1 })).toMatchObject({ name: "TypeError", message: /options has no "sinal"/ });
    const { sink } = recorder();
    await expect(quantizeModel({} as never, plan, sink)).rejects.toThrow(
      "channelwise must be the result of load(), not an object",
    );
  });

  it("are names that would come twice", async () => {
    const taken: TensorToWrite = { name: "up.weight_scale", dtype: "F32", shape: [1], data: Float32Array.of(1) };
    const source = await openSafetensors(fileOf([...tensors, taken]));
    const plan = planModel(source);
    const { decisions } = planModel(await openTestModel());
    const byHand = { ...plan, decisions: [...decisions, ...plan.decisions.slice(-1)] };
    expect(await bad(byHand)).toMatchObject({
      name: "RangeError",
      message: "tensors up.weight and up.weight_scale both give up.weight_scale; keep one of them as it is",
    });
    const reserved = model({
      tensors: [
        { name: "__metadata__", dtype: "uint8", shape: [0], byteLength: 0, read: async () => new Uint8Array() },
      ],
    });
    expect(await bad(planModel(reserved))).toMatchObject({
      name: "RangeError",
      message: /__metadata__ cannot be the name of a tensor/,
    });
  });
});
