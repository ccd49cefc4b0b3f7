import { type Decision, type DialectName, type Dtype, type Model, planModel, type Rules } from "channelwise/models";
import { describe, expect, it } from "vitest";

type Shapes = Record<string, readonly number[]>;

/** A model of which only names, types and shapes are known: nothing else may be needed. */
function modelOf(shapes: Shapes, format: Model["format"] = "safetensors", dtype: Dtype = "float32"): Model {
  const bytes = dtype === "float32" ? 4 : 2;
  return {
    ...{ format, name: "model", files: [], metadata: {}, close: async () => {} },
    tensors: Object.entries(shapes).map(([name, shape]) => ({
      name,
      dtype,
      shape,
      byteLength: bytes * shape.reduce((a, b) => a * b, 1),
      read: () => expect.fail("the data was read"),
    })),
  };
}

/** What is decided for each tensor: the layout in short, or the reason why it is kept. */
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

  it.each<[string, string, Dtype, string]>([
    ["plain and fp8", "m.weight", "int8", "m.weight_scale"],
    ["fp8 in blocks", "m.weight", "float8_e4m3fn", "m.weight_scale_inv"],
    ["compressed-tensors", "m.weight_packed", "int32", "m.weight_scale"],
    ["npz", "m.weight.quantized", "int16", "m.weight.scale"],
    ["GPTQ and AWQ", "m.qweight", "int32", "m.scales"],
    ["MLX's scales", "m.weight", "uint32", "m.scales"],
    ["MLX's biases", "m.weight", "uint32", "m.biases"],
  ])("keeps what belongs to codes, whatever is included: %s", (_, codes, dtype, belonging) => {
    const [of] = modelOf({ [codes]: [64, 64] }, "safetensors", dtype).tensors;
    const others = modelOf({ [belonging]: [64, 64], "other.weight": [64, 64] });
    const kept = `it belongs to ${codes}, which is quantized already`;
    const model = { ...others, tensors: [of, ...others.tensors] };
    expect(decided(model, { include: ["*"] })).toMatchObject({ [belonging]: kept, "other.weight": "8 bits, axis 0" });
    // Masks and indices are no codes.
    const [mask] = modelOf({ [codes]: [64, 64] }, "safetensors", "bool").tensors;
    expect(decided({ ...others, tensors: [mask, ...others.tensors] })[belonging]).toBe("8 bits, axis 0");
    // Without codes it is a matrix as any other, also beside floats of such a name.
    expect(decided(others)[belonging]).toBe("8 bits, axis 0");
    const floats = modelOf({ [codes]: [64, 64], [belonging]: [64, 64] });
    expect(decided(floats)[belonging]).toBe("8 bits, axis 0");
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
      "it has no axis 2 to lay groups along",
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
    [{ bit: 8 }, TypeError, 'rules has no "bit"; it has bits, axis, granularity, dialect'],
    [{ bits: 1 }, RangeError, "bits is 1; it must be an integer from 2 to 16"],
    [{ bits: 4, dialect: "comfyui" }, RangeError, "bits is 4; the dialect comfyui holds 8"],
    [{ bits: 6, dialect: "compressed-tensors" }, RangeError, "bits is 6; the dialect compressed-tensors holds 8, 4"],
    [{ dialect: "gguf" }, TypeError, 'dialect is "gguf"; it must be one of plain, comfyui'],
    [{ dialect: "toString" }, TypeError, 'dialect is "toString"'],
    [{ axis: 1.5 }, RangeError, "axis is 1.5"],
    [{ axis: "0" }, TypeError, 'axis must be a number, not "0"'],
    [{ granularity: "row" }, TypeError, 'granularity must be "channel", "tensor" or { group, along }'],
    [{ granularity: { group: 0, along: 1 } }, RangeError, "granularity.group is 0; it must be an integer from 1 to"],
    [{ include: "a" }, TypeError, 'include must be an array of patterns, not "a"'],
    [{ exclude: [1] }, TypeError, "exclude has 1; patterns must be strings"],
    [{ overrides: { a: { bits: 17 } } }, RangeError, 'overrides["a"].bits is 17'],
    [{ overrides: { a: { bit: 8 } } }, TypeError, 'overrides["a"] has no "bit"'],
    [{ overrides: { a: { keep: 1 } } }, TypeError, 'overrides["a"].keep must be true or false, not 1'],
    [{ overrides: ["a"] }, TypeError, "overrides must be an object of patterns and settings, not an array"],
    [{ overrides: { a: 8 } }, TypeError, 'overrides["a"] must be an object'],
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
