import { load } from "channelwise";
import {
  blobSink,
  inspectModel,
  type Model,
  openModel,
  planModel,
  quantizeModel,
  type Rules,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { fileOf, type TensorToWrite } from "../files/safetensors-file.js";
import { bytesOf, ggufFile, tensorType } from "../gguf/gguf-file.js";
import { tinyFile, tinyImageModels, tinyTensor } from "./tiny-image-models.js";

const channelwise = await load();

const open = (file: Uint8Array<ArrayBuffer>, name = "model.safetensors") => openModel(file, { name });

/** What becomes of each tensor: its bits, or why it is kept. */
function decided(model: Model, rules: Rules): Record<string, number | string> {
  const { decisions } = planModel(model, rules);
  return Object.fromEntries(decisions.map((each) => [each.tensor, each.quantize ? each.scheme.bits : each.reason]));
}

describe("ComfyUI's int8", () => {
  it.each(Object.keys(tinyImageModels))("keeps what %s needs as floats", async (architecture) => {
    const model = await open(tinyFile(architecture));
    const { notes } = planModel(model, { dialect: "comfyui" });
    expect(notes).toEqual([`the architecture ${architecture} is told by its tensors: what it needs as floats is kept`]);
    const found = decided(model, { dialect: "comfyui" });
    for (const [name, shape, type] of tinyImageModels[architecture]) {
      // Convolutions are no linear layers, and rows of any length have codes.
      const isQuantized = shape.length === 2 && !/^(BF16|F32)$/.test(type);
      if (isQuantized) expect(found[name], name).toBe(8);
      else expect(found[name], name).toBeTypeOf("string");
    }
  });

  it("says why, and --include wins", async () => {
    const model = await open(tinyFile("flux"));
    expect(decided(model, { dialect: "comfyui" })["img_in.weight"]).toBe("flux needs img_in as floats");
    expect(decided(model, { dialect: "comfyui", include: ["img_in.weight"] })["img_in.weight"]).toBe(8);
    expect(decided(model, {})["img_in.weight"]).toBe(8);
  });

  it("keeps the other models of a checkpoint", async () => {
    const prefix = "model.diffusion_model.";
    const own = tinyImageModels.flux.map(([name, shape]) => tinyTensor(prefix + name, shape));
    const text = tinyTensor("cond_stage_model.layers.0.q_proj.weight", [64, 64]);
    const found = decided(await open(fileOf([...own, text])), { dialect: "comfyui" });
    expect(found["cond_stage_model.layers.0.q_proj.weight"]).toBe(
      "outside of model.diffusion_model, the model of images",
    );
    expect(found[`${prefix}img_in.weight`]).toBe("flux needs img_in as floats");
    expect(found[`${prefix}double_blocks.0.img_attn.proj.weight`]).toBe(8);
  });

  it("takes an architecture that is given", async () => {
    const model = await open(fileOf([tinyTensor("a.weight", [64, 64]), tinyTensor("b.weight", [64, 64])]));
    const rules = { dialect: "comfyui", architecture: { name: "other", keep: ["b.*"] } } as const;
    expect(decided(model, rules)).toEqual({ "a.weight": 8, "b.weight": "other needs b as floats" });
    expect(planModel(model, rules).notes).toEqual(["the architecture other is given: what it needs as floats is kept"]);
  });
});

describe("what usually gives noise", () => {
  async function warningsOf(model: Model): Promise<readonly string[]> {
    return (await inspectModel(model)).warnings ?? [];
  }

  async function int8Of(file: Uint8Array<ArrayBuffer>, rules: Rules = {}) {
    const sink = blobSink();
    await quantizeModel(channelwise, planModel(await open(file), { dialect: "comfyui", ...rules }), sink);
    return open(new Uint8Array(await (await sink.blob()).arrayBuffer()));
  }

  it.each(Object.keys(tinyImageModels))("is not in what is written for %s", async (architecture) => {
    expect(await warningsOf(await int8Of(tinyFile(architecture)))).toEqual([]);
  });

  it("is a layer of codes that the architecture needs as floats", async () => {
    const model = await int8Of(tinyFile("flux"), { include: ["*_in.*weight", "final_layer.*"] });
    expect(await warningsOf(model)).toEqual([
      "3 tensors are quantized, and flux needs them as floats (img_in.weight, time_in.in_layer.weight, final_layer.linear.weight)",
    ]);
  });

  const codes = (name: string, shape = [64, 64]): TensorToWrite => {
    return { name, dtype: "I8", shape, data: new Int8Array(shape[0] * shape[1]).fill(1) };
  };
  const scales = (name: string, shape: number[]): TensorToWrite => {
    return { name, dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1) };
  };
  const marker = (name: string): TensorToWrite => {
    const data = new TextEncoder().encode('{"format":"int8_tensorwise"}');
    return { name, dtype: "U8", shape: [data.length], data };
  };
  const name = "double_blocks.0.img_attn.proj";

  it.each<[string, TensorToWrite[], RegExp]>([
    [
      "without scales",
      [codes(`${name}.weight`), marker(`${name}.comfy_quant`)],
      /^1 tensor is without scales: ComfyUI takes the codes for weights \(double_blocks/,
    ],
    [
      "without a marker",
      [codes(`${name}.weight`), scales(`${name}.weight_scale`, [64, 1])],
      /^1 tensor is without a comfy_quant marker/,
    ],
    [
      "with scales of one dimension",
      [codes(`${name}.weight`), scales(`${name}.weight_scale`, [64]), marker(`${name}.comfy_quant`)],
      /^1 tensor is with scales of one dimension/,
    ],
  ])("is a tensor of codes %s", async (_, tensors, sentence) => {
    const warnings = await warningsOf(await open(fileOf(tensors)));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(sentence);
  });

  it("is not looked for in other models", async () => {
    const model = await open(fileOf([codes("model.layers.0.mlp.up_proj.weight")]));
    expect(await warningsOf(model)).toEqual([]);
  });

  it("is a GGUF without what others leave out or change", async () => {
    const float = (tensor: string, shape: number[]) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return { name: tensor, type: tensorType.F32, shape, data: bytesOf(new Float32Array(length)) };
    };
    const tensors = [
      float("blocks.0.self_attn.norm_q.weight", [256]),
      float("blocks.0.modulation", [6, 256]),
      { name: "text_embedding.2.weight", type: tensorType.Q8_0, shape: [8, 32], data: new Uint8Array(8 * 34) },
    ];
    const keys = [{ name: "general.architecture", type: "string" as const, value: "wan" }];
    expect(await warningsOf(await open(ggufFile({ keys, tensors }), "model.gguf"))).toEqual([
      "1 tensor is quantized, and wan needs it as floats (text_embedding.2.weight)",
      "patch_embedding.weight is missing, which wan needs: some writers leave it out",
      "1 tensor is without leading dimensions of 1, which wan has in ComfyUI (blocks.0.modulation)",
    ]);
  });
});
