import { load } from "channelwise";
import {
  architectureNames,
  blobSink,
  compareModels,
  type GgufKey,
  inspectModel,
  type Model,
  openModel,
  outputBytes,
  planModel,
  quantizeModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { fileOf, type TensorToWrite } from "../files/safetensors-file.js";
import { tinyFile, tinyImageModels, tinyTensor } from "./tiny-image-models.js";

const channelwise = await load();

const open = (file: Uint8Array<ArrayBuffer>) => openModel(file, { name: "model.safetensors" });

async function written(model: Model, rules: Rules) {
  const plan = planModel(model, rules);
  const sink = blobSink();
  const summary = await quantizeModel(channelwise, plan, sink);
  const bytes = new Uint8Array(await (await sink.blob()).arrayBuffer());
  expect(outputBytes(plan)).toBe(bytes.length);
  return { plan, summary, bytes, gguf: await openModel(bytes, { name: "model.gguf" }) };
}

const types: Record<string, string> = { float32: "F32", float16: "F16", bfloat16: "BF16" };

/** The type and the shape of each tensor. */
async function tensorsOf(gguf: Model): Promise<Record<string, { type: string; shape: readonly number[] }>> {
  const { blocks = [], kept } = await inspectModel(gguf);
  return Object.fromEntries([
    ...blocks.map(({ name, shape, blockType }) => [name, { type: blockType, shape }]),
    ...kept.map(({ name, shape, dtype }) => [name, { type: types[dtype], shape }]),
  ]);
}

const keyValue = ({ keys = [] }: Model, name: string) =>
  (keys as readonly GgufKey[]).find((key) => key.name === name)?.values();

it("there is a tiny model of each architecture", () => {
  expect(Object.keys(tinyImageModels).sort()).toEqual([...architectureNames].sort());
});

describe.each(Object.keys(tinyImageModels))("%s", (architecture) => {
  it("is told by its tensors, and each of them has its type and its shape", async () => {
    const { gguf } = await written(await open(tinyFile(architecture)), { type: "Q4_K_M" });
    expect(keyValue(gguf, "general.architecture")).toEqual([architecture]);
    expect(keyValue(gguf, "general.quantization_version")).toEqual([2]);
    expect(keyValue(gguf, "general.file_type")).toEqual([15]);
    const found = await tensorsOf(gguf);
    const said = tinyImageModels[architecture];
    expect(
      Object.entries(found)
        .map(([name, { type }]) => [name, type])
        .sort(),
    ).toEqual(said.map(([name, , type]) => [name, type]).sort());
    for (const [name, shape] of said) {
      const original = keyValue(gguf, `comfy.gguf.orig_shape.${name}`);
      expect(original ?? found[name].shape, name).toEqual(shape);
      if (original) expect(found[name].shape.at(-1), name).toBe(256);
    }
  });

  it("has the floats that it had where they are kept, and near ones elsewhere", async () => {
    const model = await open(tinyFile(architecture));
    const { gguf, plan } = await written(model, { type: "Q6_K" });
    // Rows that are laid out anew are compared as such.
    const { tensors } = await compareModels(channelwise, plan.model, gguf);
    for (const tensor of tensors) {
      expect(tensor.result, tensor.tensor).not.toBe("missing");
      if ("sqnr" in tensor) expect(tensor.sqnr, tensor.tensor).toBeGreaterThan(30);
    }
  });

  it("gives the same bytes by way of a GGUF of F16", async () => {
    const model = await open(tinyFile(architecture, "F16"));
    const { bytes } = await written(model, { type: "Q4_K_M" });
    const half = await written(model, { type: "F16" });
    expect((await written(half.gguf, { type: "Q4_K_M" })).bytes).toEqual(bytes);
    expect((await inspectModel(half.gguf)).warnings).toBeUndefined();
    expect((await inspectModel((await written(half.gguf, { type: "Q8_0" })).gguf)).warnings).toBeUndefined();
  });
});

it.each([
  ["Q4_0", { "blocks.0.ffn.2.weight": "Q4_1", "blocks.0.self_attn.v.weight": "Q4_0" }],
  ["Q5_0", { "blocks.0.ffn.2.weight": "Q5_1", "blocks.0.self_attn.q.weight": "Q5_0" }],
  ["Q8_0", { "blocks.0.ffn.2.weight": "Q8_0", "blocks.0.self_attn.v.weight": "Q8_0" }],
  ["Q4_K_S", { "blocks.0.ffn.2.weight": "Q5_K", "blocks.0.self_attn.v.weight": "Q5_K" }],
  ["Q3_K_M", { "blocks.0.ffn.2.weight": "Q4_K", "blocks.0.self_attn.v.weight": "Q5_K" }],
  ["Q2_K", { "blocks.0.ffn.2.weight": "Q2_K", "blocks.0.self_attn.v.weight": "Q3_K" }],
] as const)("%s gives weights that matter more another type", async (type, expected) => {
  const { gguf } = await written(await open(tinyFile("wan")), { type });
  const found = await tensorsOf(gguf);
  for (const [name, of] of Object.entries(expected)) expect(found[name].type, name).toBe(of);
});

it("only the first weights of values get more bits", async () => {
  const more = Array.from({ length: 6 }, (_, i) => tinyTensor(`blocks.${i}.cross_attn.v.weight`, [256, 256]));
  const base = tinyImageModels.wan.filter(([name]) => !name.endsWith(".v.weight"));
  const model = await open(fileOf([...base.map(([name, shape]) => tinyTensor(name, shape)), ...more]));
  const values = async (type: "Q4_K_S" | "Q3_K_M") => {
    const { decisions } = planModel(model, { type });
    return decisions.flatMap((each) => (each.quantize && /\.v\.weight$/.test(each.tensor) ? [each.blockType] : []));
  };
  expect(await values("Q4_K_S")).toEqual(["Q5_K", "Q5_K", "Q5_K", "Q5_K", "Q4_K", "Q4_K"]);
  expect(await values("Q3_K_M")).toEqual(["Q5_K", "Q5_K", "Q4_K", "Q4_K", "Q4_K", "Q4_K"]);
});

it("a model of float32 keeps halves, and is quantized from float32", async () => {
  const model = await open(tinyFile("flux", "F32"));
  const { gguf, plan } = await written(model, { type: "Q4_K_M" });
  const found = await tensorsOf(gguf);
  expect(found["img_in.weight"].type).toBe("F16");
  expect(found["txt_in.bias"].type).toBe("F32");
  expect(plan.model.tensors.find(({ name }) => name === "double_blocks.0.img_mod.lin.weight")?.dtype).toBe("float32");
});

describe("a checkpoint with other models", () => {
  const vae = [
    tinyTensor("first_stage_model.encoder.conv_in.weight", [8, 3, 3, 3]),
    tinyTensor("cond_stage_model.a", [4]),
  ];

  it.each(["model.diffusion_model.", "model."])("gives the tensors behind %s, and names the others", async (prefix) => {
    const own = tinyImageModels.flux.map(([name, shape]) => tinyTensor(prefix + name, shape));
    const { gguf, plan } = await written(await open(fileOf([...vae, ...own])), { type: "Q4_K_M" });
    expect(Object.keys(await tensorsOf(gguf)).sort()).toEqual(tinyImageModels.flux.map(([name]) => name).sort());
    expect(plan.model.passedOver?.map(({ name }) => name)).toEqual(["first_stage_model.*", "cond_stage_model.*"]);
  });

  it("may lie behind net., where all tensors do, and without what its architecture leaves out", async () => {
    const extra = { name: "net.accum_a", dtype: "F32", shape: [1], data: new Float32Array(1) };
    const own = tinyImageModels.cosmos.map(([name, shape]) => tinyTensor(`net.${name}`, shape));
    const { gguf, plan } = await written(await open(fileOf([...own, extra])), { type: "Q8_0" });
    expect(Object.keys(await tensorsOf(gguf)).sort()).toEqual(tinyImageModels.cosmos.map(([name]) => name).sort());
    expect(plan.model.passedOver).toEqual([{ name: "net.accum_a", reason: "a GGUF of cosmos does not have it" }]);
  });
});

describe("floats of 8 bits", () => {
  const codes = Uint8Array.from({ length: 256 * 256 }, (_, i) => (i % 256 === 127 || i % 256 === 255 ? 0x40 : i % 256));
  const float8 = (name: string): TensorToWrite => ({ name, dtype: "F8_E4M3", shape: [256, 256], data: codes });
  const rest = tinyImageModels.flux
    .filter(([, shape]) => shape.length === 1)
    .map(([name, shape]) => tinyTensor(name, shape));

  it("become float16 where they are kept, and blocks elsewhere", async () => {
    const file = fileOf([float8("double_blocks.0.img_attn.proj.weight"), float8("time_in.in_layer.weight"), ...rest]);
    const { gguf } = await written(await open(file), { type: "Q8_0" });
    const found = await tensorsOf(gguf);
    expect(found["double_blocks.0.img_attn.proj.weight"].type).toBe("Q8_0");
    expect(found["time_in.in_layer.weight"].type).toBe("F16");
    const kept = gguf.tensors.find(({ name }) => name === "time_in.in_layer.weight");
    const floats = await readFloats(kept as never);
    expect([floats[0x38], floats[0x7e], floats[0x01], floats[0xb8], floats[0x08]]).toEqual([
      1,
      448,
      2 ** -9,
      -1,
      2 ** -6,
    ]);
  });

  it("are multiplied with the scale that lies beside them", async () => {
    const scale = { name: "time_in.in_layer.scale_weight", dtype: "F32", shape: [], data: Float32Array.of(0.5) };
    const marker = { name: "scaled_fp8", dtype: "F8_E4M3", shape: [0], data: new Uint8Array() };
    const own = [float8("double_blocks.0.img_attn.proj.weight"), float8("time_in.in_layer.weight")];
    const { gguf } = await written(await open(fileOf([...own, ...rest, scale, marker])), { type: "Q8_0" });
    const kept = gguf.tensors.find(({ name }) => name === "time_in.in_layer.weight");
    const floats = await readFloats(kept as never);
    expect([floats[0x38], floats[0x7e]]).toEqual([0.5, 224]);
    expect(Object.keys(await tensorsOf(gguf))).not.toContain("scaled_fp8");
  });

  it("are refused with several scales", async () => {
    const scale = { name: "time_in.in_layer.weight_scale", dtype: "F32", shape: [256], data: new Float32Array(256) };
    const own = [float8("double_blocks.0.img_attn.proj.weight"), float8("time_in.in_layer.weight")];
    const model = await open(fileOf([...own, scale]));
    expect(() => planModel(model, { type: "Q8_0" })).toThrow(
      /weight_scale is float32 \[256\]; one float for the whole/,
    );
  });
});

describe("an architecture of one's own", () => {
  it("adds to one of the table what stays floats", async () => {
    const model = await open(tinyFile("flux"));
    const architecture = { extends: "flux", keep: ["*img_mod*"] };
    const { gguf } = await written(model, { type: "Q4_K_M", architecture });
    const found = await tensorsOf(gguf);
    expect(found["double_blocks.0.img_mod.lin.weight"].type).toBe("BF16");
    expect(found["img_in.weight"].type).toBe("BF16");
    expect(keyValue(gguf, "general.architecture")).toEqual(["flux"]);
  });

  it("may have any tensors", async () => {
    const model = await open(fileOf([tinyTensor("a.weight", [256, 256]), tinyTensor("b.weight", [256, 256])]));
    const { gguf } = await written(model, { type: "Q4_K_M", architecture: { name: "other", keep: ["b.*"] } });
    expect(await tensorsOf(gguf)).toMatchObject({ "a.weight": { type: "Q4_K" }, "b.weight": { type: "BF16" } });
    expect(keyValue(gguf, "general.architecture")).toEqual(["other"]);
  });

  it.each<[Rules["architecture"], RegExp]>([
    ["fluks", /^architecture is "fluks"; it must be one of flux, /],
    [{ extends: "fluks" }, /^architecture\.extends is "fluks"; it must be one of flux, /],
    [{ keep: [] }, /^architecture\.name is undefined; it must be a text/],
    [{ name: "a", keep: "b" as never }, /^architecture\.keep is "b"; it must be an array of patterns/],
    [{ name: "a", kep: [] } as never, /^architecture has no "kep"/],
  ])("is checked: %j", async (architecture, reason) => {
    const model = await open(tinyFile("flux"));
    expect(() => planModel(model, { type: "Q8_0", architecture })).toThrow(reason);
    expect(() => planModel(model, { dialect: "comfyui", architecture })).toThrow(reason);
  });

  it("needs a type or the dialect comfyui", async () => {
    const model = await open(tinyFile("flux"));
    expect(() => planModel(model, { architecture: "flux" })).toThrow(/^architecture is "flux"; it needs a type or/);
  });
});

describe("it is refused", () => {
  const plan = async (tensors: TensorToWrite[]) => planModel(await open(fileOf(tensors)), { type: "Q4_K_M" });

  it("where nothing tells the architecture", async () => {
    await expect(plan([tinyTensor("model.layers.0.mlp.up_proj.weight", [64, 64])])).rejects.toThrow(
      /^type is "Q4_K_M", and model\.safetensors has not the tensors of an image model \(flux, .*convert_hf_to_gguf/,
    );
  });

  it.each([
    ["flux", "single_transformer_blocks.0.attn.norm_k.weight"],
    ["sd3", "transformer_blocks.0.ff_context.net.0.proj.weight"],
    ["aura", "joint_transformer_blocks.3.ff_context.out_projection.weight"],
  ])("where %s is named as in diffusers", async (architecture, name) => {
    await expect(plan([tinyTensor(name, [64, 64])])).rejects.toThrow(
      new RegExp(`named as in diffusers, which ComfyUI-GGUF does not load for ${architecture}: load it in ComfyUI`),
    );
  });

  it("where it is quantized already", async () => {
    const codes = {
      name: "double_blocks.0.img_attn.proj.weight",
      dtype: "I8",
      shape: [64, 64],
      data: new Int8Array(4096),
    };
    await expect(plan([codes])).rejects.toThrow(
      /is quantized already \(tensor double_blocks.* is int8\): give the float/,
    );
  });

  it("where a half cannot hold a float that is kept", async () => {
    const large = { name: "img_in.weight", dtype: "F32", shape: [64, 64], data: new Float32Array(4096).fill(1e6) };
    const model = await open(fileOf([tinyTensor("double_blocks.0.img_attn.proj.weight", [256, 256]), large]));
    await expect(written(model, { type: "Q8_0" })).rejects.toThrow(
      /img_in\.weight.*weight 0 is 1000000; a float16 holds/,
    );
  });
});
