import {
  type Decision,
  type DialectName,
  type Dtype,
  type Model,
  planModel,
  planTensor,
  type Rules,
} from "channelwise/models";
import { describe, expect, it } from "vitest";

type Shapes = Record<string, readonly number[]>;

/** A model with names, types and shapes only: nothing else may be needed. */
function modelOf(shapes: Shapes, format: Model["format"] = "safetensors", dtype: Dtype = "float32"): Model {
  const bytes = dtype === "float32" ? 4 : 2;
  return {
    ...{ format, name: "model", files: [], byteLength: 0, metadata: {}, close: async () => {} },
    tensors: Object.entries(shapes).map(([name, shape]) => ({
      name,
      dtype,
      shape,
      byteLength: bytes * shape.reduce((a, b) => a * b, 1),
      read: () => expect.fail("the data was read"),
    })),
  };
}

/** The decision for each tensor: the layout in short, or the reason why it is kept. */
function decided(model: Model, rules?: Rules): Record<string, string> {
  return Object.fromEntries(planModel(model, rules).decisions.map((decision) => [decision.tensor, inShort(decision)]));
}

function inShort(decision: Decision): string {
  if (!decision.quantize) return decision.reason;
  const { bits, axis, granularity } = decision.scheme;
  if (typeof granularity === "object") return `${bits} bits, groups of ${granularity.group} along ${granularity.along}`;
  return `${bits} bits, ${granularity === "tensor" ? "one scale" : `axis ${axis}`}`;
}

describe("without rules", () => {
  const llama: Shapes = {
    "model.embed_tokens.weight": [1000, 64],
    "model.layers.0.input_layernorm.weight": [64],
    "model.layers.0.self_attn.q_proj.weight": [64, 64],
    "model.layers.0.self_attn.q_proj.bias": [64],
    "model.layers.0.mlp.experts.gate_up_proj": [8, 64, 64],
    "model.layers.0.self_attn.rotary_emb.inv_freq": [32],
    "model.norm.weight": [64],
    "lm_head.weight": [1000, 64],
  };

  it("quantizes the matrices of a language model", () => {
    expect(decided(modelOf(llama))).toEqual({
      "model.embed_tokens.weight": "8 bits, axis 0",
      "model.layers.0.input_layernorm.weight": "a vector",
      "model.layers.0.self_attn.q_proj.weight": "8 bits, axis 0",
      "model.layers.0.self_attn.q_proj.bias": "a vector",
      "model.layers.0.mlp.experts.gate_up_proj": "8 bits, axis 0",
      "model.layers.0.self_attn.rotary_emb.inv_freq": "a vector",
      "model.norm.weight": "a vector",
      "lm_head.weight": "8 bits, axis 0",
    });
  });

  it.each<[DialectName, Record<string, string>]>([
    [
      "comfyui",
      {
        "model.embed_tokens.weight": "an embedding; ComfyUI quantizes linear layers",
        "model.layers.0.mlp.experts.gate_up_proj": "ComfyUI quantizes linear layers only",
        "lm_head.weight": "8 bits, axis 0",
      },
    ],
    [
      "compressed-tensors",
      {
        "model.embed_tokens.weight": "an embedding; compressed-tensors quantizes linear layers",
        "model.layers.0.mlp.experts.gate_up_proj": "compressed-tensors quantizes linear layers only",
        "lm_head.weight": "the output head, which vLLM expects as it is",
      },
    ],
  ])("keeps what %s does not quantize", (dialect, kept) => {
    expect(decided(modelOf(llama), { dialect })).toMatchObject({
      ...kept,
      "model.layers.0.self_attn.q_proj.weight": "8 bits, axis 0",
    });
  });

  it.each<[string, readonly number[], string]>([
    ["conv1.weight", [64, 3, 7, 7], "8 bits, axis 0"],
    ["conv2.weight", [64, 64, 1, 1], "8 bits, axis 0"],
    ["blocks.0.norm1.linear.weight", [384, 64], "8 bits, axis 0"],
    ["double_blocks.0.img_mod.lin.weight", [384, 64], "8 bits, axis 0"],
    ["h.0.attn.c_attn.weight", [64, 192], "8 bits, axis 0"],
    ["encoder.embeddings.word_embeddings.weight", [1000, 64], "8 bits, axis 0"],
    ["up.0.bias.proj.weight", [64, 64], "8 bits, axis 0"],
    ["position_wise_ff.w_1.weight", [64, 64], "8 bits, axis 0"],
    ["normalizer_head.weight", [64, 64], "8 bits, axis 0"],
    ["shape_head.weight", [64, 64], "8 bits, axis 0"],
    ["bn.weight", [64, 64], "a normalization"],
    ["decoder.norm.weight", [64, 32, 32], "a normalization"],
    ["decoder.layer_norm.weight", [64, 32, 32], "a normalization"],
    ["LayerNorm.gamma", [64, 32, 32], "a normalization"],
    ["decoder.ln_f.weight", [64, 32, 32], "a normalization"],
    ["bn1.running_mean", [64, 32], "a normalization"],
    ["attention.bias", [64, 64], "a bias"],
    ["conv1.bias", [1, 64, 1, 1], "a vector"],
    ["wpe.weight", [1024, 64], "an embedding of positions"],
    ["transformer.pos_embed", [1, 197, 64], "an embedding of positions"],
    ["vision_model.embeddings.position_embedding.weight", [197, 64], "an embedding of positions"],
    ["text_model.positional_embedding", [77, 64], "an embedding of positions"],
    ["roberta.embeddings.position_embeddings.weight", [512, 64], "an embedding of positions"],
    ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", [32, 64], "an embedding of positions"],
    ["layers.0.attn.relative_position_bias_table", [169, 8], "an embedding of positions"],
    ["attn.rel_pos_h", [127, 64], "an embedding of positions"],
    ["rotary_emb.inv_freq", [2, 1024], "an embedding of positions"],
    ["lora_A.weight", [8, 64], "small: 512 elements"],
    ["cls_token", [1, 1, 4096], "a vector"],
    ["column.weight", [4096, 1], "a vector"],
    ["scalar", [], "a single number"],
    ["empty.weight", [0, 64], "it is empty"],
    ["short.weight", [2048, 2], "8 bits, axis 0"],
  ])("decides by names and shapes: %s %j: %s", (name, shape, expected) => {
    expect(decided(modelOf({ [name]: shape }))).toEqual({ [name]: expected });
  });

  it("keeps what is no float, and what would not become smaller", () => {
    expect(decided(modelOf({ "a.weight": [64, 64] }, "safetensors", "int64"))).toEqual({
      "a.weight": "int64; only floats are quantized",
    });
    expect(decided(modelOf({ "a.weight": [64, 64] }, "safetensors", "float8_e4m3fn"))).toEqual({
      "a.weight": "float8_e4m3fn; only floats are quantized",
    });
    const narrow = modelOf({ "a.weight": [1024, 4] }, "safetensors", "bfloat16");
    expect(decided(narrow)).toEqual({ "a.weight": "it would not become smaller" });
    expect(decided(narrow, { include: ["*"] })).toEqual({ "a.weight": "8 bits, axis 0" });
    expect(decided(modelOf({ "a.weight": [64, 64] }, "safetensors", "bfloat16"), { bits: 16 })).toEqual({
      "a.weight": "it would not become smaller",
    });
  });

  it("puts TensorFlow's channels last, of depthwise kernels third", () => {
    const shapes = { "conv/kernel": [3, 3, 64, 32], "dense/kernel": [64, 32], "conv/depthwise_kernel": [3, 3, 512, 1] };
    expect(decided(modelOf(shapes, "tfjs"))).toEqual({
      "conv/kernel": "8 bits, axis 3",
      "dense/kernel": "8 bits, axis 1",
      "conv/depthwise_kernel": "8 bits, axis 2",
    });
    expect(decided(modelOf(shapes, "tfjs"), { axis: 0, include: ["*"] })["dense/kernel"]).toBe("8 bits, axis 0");
  });

  it.each(["npy", "text"] as const)("quantizes the one array of a file, whatever it is: %s", (format) => {
    expect(decided(modelOf({ norm: [2, 2] }, format), { include: ["*"] })).toEqual({ norm: "8 bits, axis 0" });
    expect(decided(modelOf({ bias: [1, 200] }, format))).toEqual({ bias: "8 bits, axis 0" });
    expect(decided(modelOf({ vector: [200] }, format))).toEqual({ vector: "8 bits, one scale" });
  });
});

/** Tensors of other types than float32: names, types and shapes. */
type Typed = readonly [name: string, dtype: Dtype, shape: readonly number[]][];

const bitsOf: Partial<Record<Dtype, number>> = {
  float32: 32,
  int32: 32,
  uint32: 32,
  int64: 64,
  float16: 16,
  bfloat16: 16,
  int16: 16,
};

function typedModel(tensors: Typed): Model {
  return {
    ...modelOf({}),
    tensors: tensors.map(([name, dtype, shape]) => ({
      name,
      dtype,
      shape,
      byteLength: ((bitsOf[dtype] ?? 8) / 8) * shape.reduce((a, b) => a * b, 1),
      read: () => expect.fail("the data was read"),
    })),
  };
}

describe("of what is quantized already, nothing is quantized", () => {
  // Names and shapes as the tools write them. `n` is the name of the codes; all floats of that module belong to them.
  it.each<[string, string, Typed]>([
    [
      "here, plain",
      "m.weight",
      [
        ["m.weight", "int8", [64, 64]],
        ["m.weight_scale", "float32", [64, 64]],
      ],
    ],
    [
      "here, npz",
      "m.weight.quantized",
      [
        ["m.weight.quantized", "int16", [64, 64]],
        ["m.weight.scale", "float32", [64, 64]],
      ],
    ],
    [
      "compressed-tensors",
      "m.weight_packed",
      [
        ["m.weight_packed", "int32", [64, 64]],
        ["m.weight_scale", "bfloat16", [64, 64]],
      ],
    ],
    [
      "fp8 in blocks",
      "m.weight",
      [
        ["m.weight", "float8_e4m3fn", [4096, 4096]],
        ["m.weight_scale_inv", "float32", [32, 32]],
      ],
    ],
    [
      "DeepSeek V4",
      "l.wo_b.weight",
      [
        ["l.wo_b.weight", "float8_e4m3fn", [4096, 4096]],
        ["l.wo_b.scale", "float32", [32, 32]],
      ],
    ],
    [
      "DeepSeek, rows that blocks do not divide",
      "m.weight",
      [
        ["m.weight", "float8_e4m3fn", [4500, 8192]],
        ["m.scale", "float32", [36, 64]],
      ],
    ],
    [
      "ComfyUI in blocks",
      "m.weight",
      [
        ["m.weight", "float8_e4m3fn", [256, 256]],
        ["m.scale_weight", "float32", [256, 4, 1]],
      ],
    ],
    [
      "ComfyUI, int8 in blocks",
      "m.weight",
      [
        ["m.weight", "int8", [4096, 4096]],
        ["m.weight_scale", "float32", [32, 32]],
        ["m.comfy_quant", "uint8", [60]],
      ],
    ],
    [
      "TurboDiffusion",
      "b.q.int8_weight",
      [
        ["b.q.int8_weight", "int8", [4096, 4096]],
        ["b.q.scale", "float32", [32, 32]],
      ],
    ],
    [
      "Nunchaku",
      "t.qweight",
      [
        ["t.qweight", "int8", [3072, 1536]],
        ["t.wscales", "bfloat16", [48, 3072]],
        ["t.lora_down", "bfloat16", [3072, 48]],
        ["t.proj_up", "bfloat16", [3072, 32]],
        ["t.smooth_factor", "bfloat16", [3072]],
        ["t.bias", "bfloat16", [3072]],
      ],
    ],
    [
      "Nunchaku, a small layer",
      "t.qweight",
      [
        ["t.qweight", "int8", [192, 96]],
        ["t.proj_down", "bfloat16", [192, 32]],
        ["t.proj_up", "bfloat16", [192, 32]],
      ],
    ],
    [
      "QuIP#, a small layer",
      "t.Qidxs",
      [
        ["t.Qidxs", "int16", [128, 32]],
        ["t.A", "float16", [128, 20]],
        ["t.B", "float16", [20, 256]],
      ],
    ],
    [
      "a codebook",
      "t.idx",
      [
        ["t.idx", "int16", [96, 64]],
        ["t.cb", "float16", [4096, 5]],
      ],
    ],
    [
      "Nunchaku's AWQ",
      "t.qweight",
      [
        ["t.qweight", "int32", [768, 1536]],
        ["t.wscales", "bfloat16", [48, 3072]],
        ["t.wzeros", "bfloat16", [48, 3072]],
      ],
    ],
    [
      "Nunchaku's text encoders",
      "t.qweight",
      [
        ["t.qweight", "int16", [1024, 4096]],
        ["t.scales", "bfloat16", [32, 4096]],
        ["t.scaled_zeros", "bfloat16", [32, 4096]],
      ],
    ],
    [
      "torchao",
      "l._weight_qdata",
      [
        ["l._weight_qdata", "int8", [256, 256]],
        ["l._weight_scale", "bfloat16", [256, 8]],
        ["l._weight_zero_point", "bfloat16", [256, 8]],
      ],
    ],
    [
      "GPTQ and AWQ",
      "m.qweight",
      [
        ["m.qweight", "int32", [512, 4096]],
        ["m.scales", "float16", [32, 4096]],
        ["m.qzeros", "int32", [32, 512]],
      ],
    ],
    [
      "MLX",
      "m.weight",
      [
        ["m.weight", "uint32", [64, 64]],
        ["m.scales", "bfloat16", [64, 64]],
        ["m.biases", "bfloat16", [64, 64]],
      ],
    ],
    [
      "Marlin",
      "m.B",
      [
        ["m.B", "int32", [256, 8192]],
        ["m.s", "float16", [32, 4096]],
      ],
    ],
    [
      "HQQ",
      "m.W_q",
      [
        ["m.W_q", "uint8", [32, 131072]],
        ["m.scale", "float16", [64, 2048]],
        ["m.zero", "float16", [64, 2048]],
      ],
    ],
    [
      "QuIP#, whose modules share a codebook",
      "m.q.Qidxs",
      [
        ["m.q.Qidxs", "int16", [64, 64]],
        ["codebook.grid", "float16", [256, 8]],
      ],
    ],
    [
      "SqueezeLLM",
      "m.q.qweight",
      [
        ["m.q.qweight", "int32", [64, 512]],
        ["m.q.full_rows", "float16", [10, 512]],
      ],
    ],
    [
      "quantizers inside modules",
      "m.q.weight",
      [
        ["m.q.weight", "uint8", [512, 256]],
        ["m.q.weight_quantizer._amax", "float32", [512, 4]],
      ],
    ],
    [
      "names with capitals or hyphens, outside of modules",
      "qWeight",
      [
        ["qWeight", "int8", [512, 512]],
        ["weightScale", "float32", [512, 4]],
        ["q-delta", "float32", [512, 4]],
      ],
    ],
    [
      "bitsandbytes, whose maps are quantized too",
      "m.q.weight",
      [
        ["m.q.weight", "uint8", [131072, 1]],
        ["m.q.weight.quant_map", "float32", [32, 64]],
      ],
    ],
    [
      "quanto",
      "m.weight._data",
      [
        ["m.weight._data", "uint8", [64, 2048]],
        ["m.weight._scale", "float16", [64, 64]],
        ["m.weight._shift", "float16", [64, 64]],
      ],
    ],
    [
      "bitsandbytes",
      "m.weight",
      [
        ["m.weight", "uint8", [524288, 1]],
        ["m.weight.absmax", "float32", [128, 128]],
      ],
    ],
    [
      "AQLM",
      "m.codes",
      [
        ["m.codes", "int16", [4096, 512, 2]],
        ["m.codebooks", "float16", [2, 65536, 1, 8]],
        ["m.scales", "float16", [4096, 1, 1, 1]],
      ],
    ],
    [
      "VPTQ",
      "m.indices",
      [
        ["m.indices", "int32", [1, 2048, 96]],
        ["m.centroids.weight", "float16", [1, 65536]],
        ["m.res_centroids.weight", "float16", [2, 256]],
      ],
    ],
    [
      "TensorRT-LLM",
      "m.weight",
      [
        ["m.weight", "int8", [64, 64]],
        ["m.weights_scaling_factor", "float32", [64, 64]],
        ["m.prequant_scaling_factor", "float32", [2, 64]],
      ],
    ],
    [
      "experts of one tensor",
      "e.up_proj",
      [
        ["e.up_proj", "float8_e4m3fn", [8, 4096, 4096]],
        ["e.up_proj_scale_inv", "float32", [8, 32, 32]],
      ],
    ],
    [
      "a float of no name beside codes",
      "m.weight",
      [
        ["m.weight", "int8", [256, 256]],
        ["m.other", "float32", [256, 8]],
      ],
    ],
    [
      "flat names of an archive",
      "w1_int8",
      [
        ["w1_int8", "int8", [64, 64]],
        ["w1_scale", "float32", [64, 64]],
      ],
    ],
    [
      "flat names with a letter",
      "l0_q",
      [
        ["l0_q", "int8", [64, 64]],
        ["l0_s", "float32", [64, 2]],
        ["l0_z", "float32", [64, 2]],
      ],
    ],
    [
      "modules for codes and scales",
      "l.q.data",
      [
        ["l.q.data", "uint8", [64, 64]],
        ["l.s.data", "float32", [64, 2]],
      ],
    ],
    [
      "codes of 64 bits",
      "m.dense_weights",
      [
        ["m.dense_weights", "int64", [64, 64]],
        ["m.first_order", "float16", [64, 8]],
      ],
    ],
    [
      "a path in place of dots",
      "dense/kernel",
      [
        ["dense/kernel", "int8", [64, 64]],
        ["dense/kernel_scale", "float32", [64, 64]],
      ],
    ],
  ])("%s", (_, codes, tensors) => {
    const other: Typed = [["other.weight", "float32", [64, 64]]];
    const kept = decided(typedModel([...tensors, ...other]), { include: ["*"] });
    const floats = tensors.filter(([name, dtype]) => name !== codes && /^b?float(16|32)$/.test(dtype));
    expect(kept).toMatchObject({
      "other.weight": "8 bits, axis 0",
      ...Object.fromEntries(floats.map(([name]) => [name, `it belongs to ${codes}, which is quantized already`])),
    });
  });

  it.each([
    ...[
      "m.weight_scale",
      "m.weight_scale_inv",
      "m.wscales",
      "m.wzeros",
      "m.qzeros",
      "m.scale_weight",
      "m.weight.absmax",
    ],
    ...["m._weight_scale", "experts.gate_up_proj_scale_inv", "experts.gate_up_proj_scales", "m.weight_zero_point"],
    ...["m.scales", "m.scale", "m.zeros", "m.biases", "m.weight.scale", "m.lut", "m.lookup_table"],
    ...["m.weight:scale", "m.per_channel_scale", "m.weights_scaling_factor", "m.dequant_scale", "m.scales_and_zeros"],
  ])("what is named so may have its codes in another shard: %s", (name) => {
    const named = "its name is that of scales, so its model is quantized already";
    const model = modelOf({ [name]: [64, 64], "other.weight": [64, 64] });
    expect(decided(model, { include: ["*"] })).toEqual({ [name]: named, "other.weight": "8 bits, axis 0" });
    // A person chose a file of one array in order to quantize it.
    expect(decided(modelOf({ [name]: [64, 64] }, "npy"))).toEqual({ [name]: "8 bits, axis 0" });
  });

  it("also not Marlin's scales, whose codes may be in another shard", () => {
    const scales: Typed = [
      ["l.0.q.s", "float16", [32, 4096]],
      ["l.1.q.weight", "float16", [64, 64]],
    ];
    expect(decided(typedModel(scales))).toEqual({
      "l.0.q.s": "its name is that of scales, so its model is quantized already",
      "l.1.q.weight": "8 bits, axis 0",
    });
  });

  it.each<[string, Typed]>([
    [
      "a factor between two others, and one of 32 bits",
      [
        ["l.u", "float16", [64, 64]],
        ["l.s", "float16", [64, 64]],
        ["l.v", "float16", [64, 64]],
        ["m.s", "float32", [64, 64]],
      ],
    ],
    [
      "a table of scales and shifts",
      [
        ["b.scale_shift_table", "float32", [6, 1024]],
        ["b.ff.weight", "int8", [64, 64]],
      ],
    ],
    [
      "a matrix that is called a scale",
      [
        ["logit_scale", "float32", [64, 64]],
        ["a.logit_scale", "float32", [64, 64]],
      ],
    ],
    [
      "a scale beside a weight",
      [
        ["m.scale", "float32", [64, 64]],
        ["m.weight", "float32", [64, 64]],
      ],
    ],
    [
      "codebooks without codes",
      [
        ["q.codebook.weight", "float32", [1024, 8]],
        ["q.codebooks", "float32", [2, 1024, 8]],
      ],
    ],
    [
      "masks and indices beside it",
      [
        ["m.table", "float32", [64, 64]],
        ["m.mask", "bool", [64, 4096]],
        ["m.ids", "int64", [64, 4096]],
      ],
    ],
    [
      "arrays outside of modules",
      [
        ["scale", "float32", [64, 64]],
        ["w", "float32", [64, 64]],
        ["labels", "int32", [64, 4096]],
      ],
    ],
    [
      "a larger float beside codes",
      [
        ["e.down", "float32", [64, 128]],
        ["e.up", "int8", [64, 64]],
      ],
    ],
    [
      "two larger floats beside codes",
      [
        ["e.down", "float32", [64, 192]],
        ["e.gate", "float32", [192, 64]],
        ["e.up", "int8", [192, 64]],
      ],
    ],
    [
      "a marker of a few bytes",
      [
        ["m.other", "float32", [64, 64]],
        ["m.note", "uint8", [64]],
      ],
    ],
  ])("but what only looks so is: %s", (_, tensors) => {
    const floats = tensors.filter(([, dtype]) => dtype.startsWith("float")).map(([name]) => name);
    expect(decided(typedModel(tensors))).toMatchObject(
      Object.fromEntries(floats.map((name) => [name, "8 bits, axis 0"])),
    );
  });

  it("is told in no more time than it must, however many there are", () => {
    const many = Array.from({ length: 100_000 }, (_, i): Typed[number] =>
      i % 2 === 0 ? [`m.codes${i}`, "int8", [64, 64 + i]] : [`m.float${i}`, "float32", [3, 5]],
    );
    expect(Object.keys(decided(typedModel(many)))).toHaveLength(many.length);
  });
});

describe("what loaders want as floats is kept", () => {
  const bits8 = "8 bits, axis 0";
  const all = (names: readonly string[], dialect: DialectName, shape: readonly number[] = [64, 256]) =>
    decided(modelOf(Object.fromEntries(names.map((name) => [name, shape]))), { dialect });
  const each = (names: readonly string[], reason: string) => Object.fromEntries(names.map((name) => [name, reason]));

  const embeddings = [
    ...["model.embed_tokens.weight", "model.embed_tokens_per_layer.weight", "emb.weight", "rwkv.embeddings.weight"],
    ...[
      "item_emb.weight",
      "lyric_embs.weight",
      "transformer.wte.weight",
      "tokens_embed.weight",
      "tok_embeddings.weight",
    ],
    ...[
      "word_embedding.weight",
      "decoder.embed_tokens.0.weight",
      "emb.3.weight",
      "depformer_emb.0.weight",
      "shared.weight",
    ],
    ...["embedding/embeddings", "token_embd.weight", "embed.weight"],
  ];
  const noEmbeddings = [
    ...[
      "time_embed.0.weight",
      "unet.label_emb.0.0.weight",
      "x_embedder.weight",
      "text_embedding.0.weight",
      "embedder.proj.weight",
    ],
    ...["embedding_projection.weight", "member.weight", "time_embedding.linear_1.weight"],
  ];
  it.each(["comfyui", "compressed-tensors", "compressed-tensors-w8a8"] as const)("embeddings, by %s", (dialect) => {
    const linear = dialect === "comfyui" ? "ComfyUI" : "compressed-tensors";
    // TensorFlow's names have no modules as in PyTorch.
    const names = embeddings.filter((name) => name.endsWith(".weight"));
    expect(all(names, dialect)).toEqual(each(names, `an embedding; ${linear} quantizes linear layers`));
    expect(all(noEmbeddings, dialect)).toEqual(each(noEmbeddings, bits8));
    expect(all(embeddings, "plain")).toEqual(each(embeddings, bits8));
  });

  const heads = [
    ...[
      "lm_head.weight",
      "language_model.lm_head.weight",
      "lm_head.linear.weight",
      "lm_heads.0.weight",
      "embed_out.weight",
    ],
    ...["transformer.output_layer.weight", "output.weight", "head.weight", "model.output.weight", "proj_out.weight"],
    ...["unembedding.weight", "model.layers.61.shared_head.head.weight", "decoder.output_projection.weight"],
  ];
  const noHeads = [
    "layers.0.attn.output.weight",
    "blocks.3.head.weight",
    "layers.0.proj_out.weight",
    "overhead.weight",
  ];
  it("output heads, by compressed-tensors", () => {
    expect(all(heads, "compressed-tensors")).toEqual(each(heads, "the output head, which vLLM expects as it is"));
    expect(all(noHeads, "compressed-tensors")).toEqual(each(noHeads, bits8));
  });

  const routers = [
    ...[
      "layers.0.mlp.gate.weight",
      "layers.0.block_sparse_moe.gate.weight",
      "layers.0.ffn.gate.weight",
      "moe.gate.weight",
    ],
    ...["layers.0.mlp.router.weight", "layers.0.feed_forward.router.weight", "layers.0.mlp.router.classifier.weight"],
    ...["layers.0.block_sparse_moe.router.layer.weight", "layers.0.mlp.gate.wg.weight", "layers.0.mixer.gate.weight"],
    ...["layers.0.mlp.shared_expert_gate.weight", "layers.0.feed_forward.gate.weight", "block.ff_i.gate.weight"],
  ];
  const noRouters = [
    "gate.weight",
    "layers.0.gate.weight",
    "layers.0.attn.gate.weight",
    "layers.0.mlp.gate_proj.weight",
  ];
  it.each(["comfyui", "compressed-tensors"] as const)("routers of mixtures of experts, by %s", (dialect) => {
    const linear = "a router of experts; ComfyUI quantizes linear layers";
    const reason = dialect === "comfyui" ? linear : "a router of experts, which vLLM expects as it is";
    expect(all(routers, dialect)).toEqual(each(routers, reason));
    expect(all(noRouters, dialect)).toEqual(each(noRouters, bits8));
    // Half of a gated linear unit is not a router.
    const unit = ["layers.0.mlp.gate.weight", "layers.0.mlp.up.weight"];
    expect(all(unit, dialect)).toEqual(each(unit, bits8));
  });

  it("layers that vLLM builds without a quantization", () => {
    const names = ["layers.0.self_attn.indexer.weights_proj.weight", "layers.61.eh_proj.weight"];
    expect(all(names, "compressed-tensors")).toEqual(each(names, "vLLM expects it as it is"));
  });
});

describe("layers that vLLM joins", () => {
  const dialect = "compressed-tensors";
  const joined = (model: Model, dialect: DialectName) => planModel(model, { dialect }).target.joined?.().lists;
  const warnings = (model: Model, rules: Rules) => planModel(model, rules).warnings;

  it.each([
    ["self_attn", ["q_proj", "k_proj", "v_proj"], ["o_proj"]],
    ["mlp", ["gate_proj", "up_proj"], ["down_proj"]],
    ["feed_forward", ["w1", "w3"], ["w2"]],
    ["mlp", ["w1", "w2"], ["c_proj"]],
    ["attention.self", ["query", "key", "value"], ["dense"]],
    ["attention", ["wq", "wk", "wv"], ["wo"]],
    ["self_attn", ["q_a_proj", "kv_a_proj_with_mqa"], ["q_b_proj", "kv_b_proj"]],
    ["linear_attn", ["in_proj_qkv", "in_proj_z"], ["out_proj"]],
    ["linear_attn", ["in_proj_b", "in_proj_a"], ["out_proj"]],
    ["attn", ["to_q", "to_k", "to_v"], ["to_out"]],
    ["experts", ["0.gate_proj", "0.up_proj", "0.down_proj", "7.gate_proj", "7.down_proj"], []],
  ])("are those of %s: %j", (module, together, apart) => {
    const names = [...together, ...apart, "bias"].map((layer) => `model.layers.3.${module}.${layer}.weight`);
    // The same tensors of another layer make another list.
    const others = names.map((name) => name.replace("layers.3", "layers.4"));
    const shapes = Object.fromEntries([...names, ...others].map((name) => [name, [64, 64]]));
    const first = together.map((_, i) => i);
    expect(joined(modelOf(shapes), dialect)).toEqual([first, first.map((i) => i + names.length)]);
    expect(joined(modelOf(shapes), "plain")).toEqual([]);
  });

  const qkv = (shapes: Shapes = {}) =>
    modelOf({ "a.q_proj.weight": [64, 64], "a.k_proj.weight": [64, 64], "a.v_proj.weight": [64, 64], ...shapes });

  it("are kept together where one of them is kept", () => {
    const model = qkv({ "a.k_proj.weight": [8, 64], "b.q_proj.weight": [64, 64] });
    const reason = "vLLM joins it with one that is kept: a.k_proj.weight (small: 512 elements)";
    expect(decided(model, { dialect })).toEqual({
      "a.q_proj.weight": reason,
      "a.k_proj.weight": "small: 512 elements",
      "a.v_proj.weight": reason,
      "b.q_proj.weight": "8 bits, axis 0",
    });
    expect(decided(model)["a.q_proj.weight"]).toBe("8 bits, axis 0");
    expect(decided(model, { dialect, include: ["a.q*"] })).toMatchObject({
      "a.q_proj.weight": "8 bits, axis 0",
      "a.v_proj.weight": reason,
    });
    expect(warnings(model, { dialect })).toEqual([]);
  });

  it.each<[Rules, string]>([
    [{ exclude: ["*.v_proj.*"] }, "8 bits per channel (q_proj, k_proj), kept (v_proj)"],
    [{ overrides: { "*.k_proj.*": { keep: true } } }, "8 bits per channel (q_proj, v_proj), kept (k_proj)"],
    [{ overrides: { "*.q_proj.*": { bits: 4 } } }, "4 bits per channel (q_proj), 8 bits per channel (k_proj, v_proj)"],
    [
      { overrides: { "*.q_proj.*": { granularity: { group: 32, along: 1 } } } },
      "8 bits in groups of 32 (q_proj), 8 bits per channel (k_proj, v_proj)",
    ],
  ])("are warned of where the rules treat them in different ways: %j", (rules, ways) => {
    const model = qkv();
    expect(warnings(model, { dialect, ...rules })).toEqual([
      `vLLM joins q_proj, k_proj, v_proj of a but refuses layers that are quantized in different ways: ${ways}`,
    ]);
    expect(warnings(model, rules)).toEqual([]);
  });

  it("are many where they are experts, of which some are named", () => {
    const names = Array.from({ length: 64 }, (_, i) =>
      ["gate_proj", "down_proj"].map((layer) => `m.experts.${i}.${layer}.weight`),
    );
    const model = modelOf(Object.fromEntries(names.flat().map((name) => [name, [64, 64]])));
    expect(warnings(model, { dialect, exclude: ["*.down_proj.*"] })).toEqual([
      "vLLM joins 0.gate_proj, 0.down_proj, 1.gate_proj and 125 more of m.experts but refuses layers that are quantized in different ways: " +
        "8 bits per channel (0.gate_proj, 1.gate_proj, 2.gate_proj and 61 more), " +
        "kept (0.down_proj, 1.down_proj, 2.down_proj and 61 more)",
    ]);
  });
});

describe("leftovers of names that a quantized tensor needs", () => {
  const scale = "its name is that of scales, so its model is quantized already";
  const needs = (name: string) => `it needs the name ${name}, which another tensor has`;
  const one = (shapes: Shapes, rules?: Rules) => decided(modelOf({ ...shapes, "other.weight": [64, 64] }), rules);

  it("keep that tensor and let all others be quantized", () => {
    expect(one({ "l.weight": [64, 64], "l.weight_scale": [64, 1] })).toEqual({
      "l.weight": needs("l.weight_scale"),
      "l.weight_scale": scale,
      "other.weight": "8 bits, axis 0",
    });
    expect(one({ "l.weight": [64, 64], "l.comfy_quant": [29] }, { dialect: "comfyui" })).toMatchObject({
      "l.weight": needs("l.comfy_quant"),
      "other.weight": "8 bits, axis 0",
    });
    for (const dialect of ["compressed-tensors", "compressed-tensors-w8a8"] as const) {
      expect(one({ "l.weight": [64, 64], "l.weight_scale": [64, 1] }, { dialect })).toMatchObject({
        "l.weight": needs("l.weight_scale"),
        "other.weight": "8 bits, axis 0",
      });
    }
    expect(one({ w: [64, 64], "w.scale": [64, 1] }, { dialect: "npz" })).toMatchObject({ w: needs("w.scale") });
    expect(one({ "l.weight": [64, 64], "l.weight_scale": [64, 1] }, { include: ["*"] })).toMatchObject({
      "l.weight": needs("l.weight_scale"),
      "l.weight_scale": scale,
    });
  });

  it("are none in a dialect that needs other names", () => {
    expect(one({ "l.weight": [64, 64], "l.weight_scale": [64, 1] }, { dialect: "npz" })).toMatchObject({
      "l.weight": "8 bits, axis 0",
    });
  });
});

describe("planTensor", () => {
  it("knows what lies beside a tensor", () => {
    const model = typedModel([
      ["a.weight", "int8", [64, 64]],
      ["a.weight_scale", "float32", [64, 64]],
      ["b.weight", "float32", [64, 64]],
      ["b.weight_scale", "float32", [64, 1]],
      ["c.weight", "float32", [64, 64]],
    ]);
    const reasons = model.tensors.map((_, place) => inShort(planTensor(model, place, { bits: 8 })));
    expect(reasons).toEqual(Object.values(decided(model, { include: ["*"] })));
    expect(reasons.slice(1)).toEqual([
      "it belongs to a.weight, which is quantized already",
      "it needs the name b.weight_scale, which another tensor has",
      expect.stringMatching(/^its name is that of scales/),
      "8 bits, axis 0",
    ]);
  });
});

describe("rules", () => {
  const model = modelOf({
    "a.mlp.up.weight": [64, 96],
    "a.mlp.down.weight": [96, 64],
    "a.attn.q.weight": [64, 64],
    "a.norm.weight": [64, 64],
    "a.scale": [64],
  });

  it("exclude and include by pattern; include wins", () => {
    expect(decided(model, { exclude: ["*.mlp.*"] })).toMatchObject({
      "a.mlp.up.weight": "excluded",
      "a.attn.q.weight": "8 bits, axis 0",
    });
    expect(decided(model, { exclude: ["*"], include: ["*.down.*", "a.?cale"] })).toEqual({
      "a.mlp.up.weight": "excluded",
      "a.mlp.down.weight": "8 bits, axis 0",
      "a.attn.q.weight": "excluded",
      "a.norm.weight": "excluded",
      "a.scale": "8 bits, one scale",
    });
    expect(decided(model, { include: ["a.norm.*"] })).toMatchObject({
      "a.norm.weight": "8 bits, axis 0",
      "a.scale": "a vector",
    });
  });

  it("set bits, axis and granularity, for all and for some", () => {
    expect(
      decided(model, {
        bits: 4,
        granularity: { group: 32, along: -1 },
        overrides: {
          "*.mlp.*": { bits: 6 },
          "*.down.*": { granularity: "tensor" },
          "*.q.*": { granularity: "channel", axis: -1 },
        },
      }),
    ).toMatchObject({
      "a.mlp.up.weight": "6 bits, groups of 32 along 1",
      "a.mlp.down.weight": "6 bits, one scale",
      "a.attn.q.weight": "4 bits, axis 1",
    });
  });

  it("keep by pattern what would be included otherwise", () => {
    const overrides = { "*.mlp.*": { keep: true }, "*.up.*": { keep: false } };
    expect(decided(model, { include: ["*"], overrides })).toMatchObject({
      "a.mlp.up.weight": "8 bits, axis 0",
      "a.mlp.down.weight": "kept by an override",
      "a.norm.weight": "8 bits, axis 0",
    });
  });

  it("lay groups along the last axis when nothing else is said", () => {
    const rules = { granularity: { group: 32 }, overrides: { "a.mlp.down.*": { granularity: { group: 64 } } } };
    expect(decided(model, rules)).toMatchObject({
      "a.mlp.up.weight": "8 bits, groups of 32 along 1",
      "a.mlp.down.weight": "8 bits, groups of 64 along 1",
    });
  });

  it("keep what cannot be done by them", () => {
    expect(decided(model, { granularity: { group: 64, along: 1 } })).toMatchObject({
      "a.mlp.up.weight": "groups of 64 do not divide 96",
      "a.mlp.down.weight": "8 bits, groups of 64 along 1",
    });
    expect(decided(model, { axis: 2 })["a.attn.q.weight"]).toBe("it has no axis 2");
    expect(decided(model, { granularity: { group: 2, along: 2 } })["a.attn.q.weight"]).toBe(
      "it has no axis 2 for groups",
    );
  });

  it.each<[DialectName, Rules, string]>([
    ["comfyui", { axis: 1 }, "ComfyUI has one scale for each row: axis 0"],
    ["comfyui", { granularity: { group: 32, along: 1 } }, "ComfyUI has no int8 layers with groups"],
    ["comfyui", { granularity: "tensor" }, "8 bits, one scale"],
    ["compressed-tensors", { axis: 1 }, "compressed-tensors has one scale for each output channel: axis 0"],
    ["compressed-tensors", { granularity: "tensor" }, "vLLM takes one scale a channel or group, not one for all"],
    [
      "compressed-tensors",
      { granularity: { group: 32, along: 0 } },
      "compressed-tensors has groups along the input channels: along 1",
    ],
    ["compressed-tensors", { bits: 4, granularity: { group: 32, along: 1 } }, "4 bits, groups of 32 along 1"],
    [
      "compressed-tensors-w8a8",
      { granularity: { group: 32, along: 1 } },
      "vLLM takes no groups where activations are quantized too",
    ],
  ])("are limited by the dialect: %s %j", (dialect, rules, expected) => {
    expect(decided(model, { ...rules, dialect })["a.attn.q.weight"]).toBe(expected);
  });

  it("are told which patterns match nothing", () => {
    const rules: Rules = { include: ["b.*", "a.*"], exclude: ["*.mpl.*"], overrides: { q: {} } };
    expect(planModel(model, rules).unmatched).toEqual(["b.*", "*.mpl.*", "q"]);
  });

  it.each<[unknown, typeof TypeError | typeof RangeError, string]>([
    [
      { bit: 8 },
      TypeError,
      'rules has no "bit"; it has bits, scales, zeroPoints, balance, axis, granularity, blockType, dialect',
    ],
    [{ bits: 1 }, RangeError, "bits is 1; it must be an integer from 2 to 16"],
    [{ bits: 4, dialect: "comfyui" }, RangeError, "bits is 4; the dialect comfyui holds 8"],
    [{ bits: 6, dialect: "compressed-tensors" }, RangeError, "bits is 6; the dialect compressed-tensors holds 8, 4"],
    [{ dialect: "gguf" }, TypeError, 'dialect is "gguf"; it must be one of plain, comfyui'],
    [{ dialect: "toString" }, TypeError, 'dialect is "toString"'],
    [{ axis: 1.5 }, RangeError, "axis is 1.5"],
    [{ axis: "0" }, TypeError, 'axis must be a number, not "0"'],
    [{ granularity: "row" }, TypeError, 'granularity must be "channel", "tensor" or { group, along }'],
    [{ granularity: { group: 0 } }, RangeError, "granularity.group is 0; it must be an integer from 1 to"],
    [{ granularity: { group: 0, along: 1 } }, RangeError, "granularity.group is 0; it must be an integer from 1 to"],
    [{ include: "a" }, TypeError, 'include must be an array of patterns, not "a"'],
    [{ exclude: [1] }, TypeError, "exclude has 1; patterns must be strings"],
    [{ overrides: { a: { bits: 17 } } }, RangeError, 'overrides["a"].bits is 17'],
    [{ overrides: { a: { bit: 8 } } }, TypeError, 'overrides["a"] has no "bit"'],
    [{ overrides: { a: { keep: 1 } } }, TypeError, 'overrides["a"].keep must be true or false, not 1'],
    [{ overrides: ["a"] }, TypeError, "overrides must be an object of patterns and settings, not an array"],
    [{ overrides: { a: 8 } }, TypeError, 'overrides["a"] must be an object'],
    [
      { tensors: new Map([[0, { bits: 4 }]]), dialect: "comfyui" },
      RangeError,
      "tensors[0] (a.mlp.up.weight).bits is 4; the dialect comfyui holds 8",
    ],
    [{ tensors: new Map([[0, { bit: 4 }]]) }, TypeError, 'tensors[0] (a.mlp.up.weight) has no "bit"'],
    [{ tensors: new Map([[99, {}]]) }, RangeError, "tensors has the place 99; the model has"],
    [{ tensors: { 0: {} } }, TypeError, "tensors must be a Map of places and settings, not "],
    [[], TypeError, "rules must be an object"],
  ])("are refused when they are wrong: %j", (rules, type, message) => {
    const choose = () => planModel(model, rules as Rules);
    expect(choose).toThrow(type);
    expect(choose).toThrow(message);
  });
});

describe("patterns", () => {
  it.each([
    ["a.b.c", "a.b.c", true],
    ["a.b.c", "a.b", false],
    ["a.b.c", "*", true],
    ["", "*", true],
    ["", "?", false],
    ["a.b.c", "a*c", true],
    ["a.b.c", "*b*", true],
    ["a.b.c", "**.**", true],
    ["a.b.c", "?.?.?", true],
    ["a.b.c", "a?c", false],
    ["aXb", "a.b", false],
    ["layers.10.w", "layers.1.*", false],
    ["layers.1.w", "layers.1.*", true],
    ["a[0]+(b)$", "a[0]+(b)$", true],
    ["abab", "*ab", true],
    ["ababc", "*ab", false],
  ])("match %j with %j: %s", (name, pattern, matches) => {
    const model = modelOf({ [name]: [64, 64] });
    expect(decided(model, { exclude: [pattern] })[name] === "excluded").toBe(matches);
  });

  it("take no more time than they must", () => {
    const name = "a".repeat(5000);
    const rules = { exclude: [`${"a*".repeat(2000)}b`] };
    expect(decided(modelOf({ [name]: [64, 64] }), rules)[name]).toBe("8 bits, axis 0");
  });
});
