import { fileOf, type TensorToWrite } from "../files/safetensors-file.js";
import { narrow, weightsOf } from "../gguf/tiny-models.js";

/** A tensor: its name, its shape, and the type that it gets in a GGUF of Q4_K_M made of bfloat16. */
type TinyTensor = readonly [name: string, shape: readonly number[], type: string];

/** A few tensors of each architecture, as they are named and shaped there, but smaller. */
export const tinyImageModels: Readonly<Record<string, readonly TinyTensor[]>> = {
  flux: [
    ["double_blocks.0.img_attn.proj.weight", [256, 256], "Q4_K"],
    ["double_blocks.0.img_attn.qkv.weight", [768, 256], "Q5_K"],
    ["double_blocks.0.img_attn.norm.query_norm.scale", [128], "F32"],
    ["double_blocks.0.img_mod.lin.weight", [1536, 256], "Q4_K"],
    ["single_blocks.0.linear2.weight", [256, 320], "F16"],
    ["img_in.weight", [256, 64], "BF16"],
    ["time_in.in_layer.weight", [256, 256], "BF16"],
    ["txt_in.bias", [256], "F32"],
    ["final_layer.linear.weight", [64, 256], "BF16"],
  ],
  sd3: [
    ["joint_blocks.0.x_block.attn.qkv.weight", [768, 256], "Q5_K"],
    ["joint_blocks.0.x_block.mlp.fc1.weight", [512, 256], "Q4_K"],
    ["x_embedder.proj.weight", [256, 16, 2, 2], "BF16"],
    ["t_embedder.mlp.0.weight", [256, 256], "BF16"],
    ["pos_embed", [1, 64, 256], "BF16"],
  ],
  aura: [
    ["double_layers.3.modX.1.weight", [512, 256], "Q4_K"],
    ["double_layers.3.attn.w1v.weight", [256, 256], "Q6_K"],
    ["register_tokens", [1, 8, 256], "BF16"],
    ["positional_encoding", [1, 64, 256], "BF16"],
    ["final_linear.weight", [64, 256], "BF16"],
  ],
  hidream: [
    ["caption_projection.0.linear.weight", [256, 512], "BF16"],
    ["double_stream_blocks.0.block.ff_i.shared_experts.w3.weight", [256, 256], "Q4_K"],
    ["double_stream_blocks.0.block.ff_i.experts.0.w2.weight", [256, 512], "Q6_K"],
    ["double_stream_blocks.0.block.ff_i.gate.weight", [8, 256], "F32"],
  ],
  cosmos: [
    ["blocks.0.mlp.layer1.weight", [512, 256], "Q4_K"],
    ["blocks.0.mlp.layer2.weight", [256, 512], "Q6_K"],
    ["blocks.0.adaln_modulation_cross_attn.1.weight", [256, 256], "Q4_K"],
    ["blocks.0.self_attn.v_proj.weight", [256, 256], "Q6_K"],
    ["pos_embedder.seq", [32, 256], "F32"],
  ],
  ltxv: [
    ["adaln_single.emb.timestep_embedder.linear_2.weight", [256, 256], "BF16"],
    ["transformer_blocks.27.scale_shift_table", [6, 256], "F32"],
    ["transformer_blocks.27.attn1.to_v.weight", [256, 256], "Q6_K"],
    ["transformer_blocks.27.ff.net.2.weight", [256, 512], "Q6_K"],
    ["caption_projection.linear_2.weight", [256, 256], "BF16"],
  ],
  hyvid: [
    ["double_blocks.0.img_attn_proj.weight", [256, 256], "Q4_K"],
    ["double_blocks.0.img_attn_qkv.weight", [768, 256], "Q5_K"],
    ["txt_in.individual_token_refiner.blocks.1.self_attn_qkv.weight", [768, 256], "BF16"],
    ["img_in.proj.weight", [256, 16, 1, 2, 2], "F32"],
  ],
  wan: [
    ["blocks.0.self_attn.norm_q.weight", [256], "F32"],
    ["blocks.0.self_attn.q.weight", [256, 256], "Q4_K"],
    ["blocks.0.self_attn.v.weight", [256, 256], "Q6_K"],
    ["blocks.0.ffn.2.weight", [256, 512], "Q6_K"],
    ["blocks.0.modulation", [1, 6, 256], "F32"],
    ["text_embedding.2.weight", [256, 256], "BF16"],
    ["head.modulation", [1, 2, 256], "F32"],
    ["patch_embedding.weight", [256, 16, 1, 2, 2], "F32"],
  ],
  sdxl: [
    ["label_emb.0.0.weight", [256, 512], "BF16"],
    ["input_blocks.0.0.weight", [320, 4, 3, 3], "BF16"],
    ["input_blocks.4.1.transformer_blocks.0.attn2.to_v.weight", [128, 512], "Q6_K"],
    ["input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", [64, 320], "Q4_K"],
    ["input_blocks.3.0.op.weight", [64, 64, 3, 3], "Q4_K"],
    ["input_blocks.1.0.in_layers.2.bias", [320], "F32"],
  ],
  sd1: [
    ["down_blocks.0.downsamplers.0.conv.weight", [64, 64, 3, 3], "Q4_K"],
    ["conv_in.weight", [320, 4, 3, 3], "BF16"],
    ["time_embedding.linear_1.weight", [256, 64], "BF16"],
    ["mid_block.attentions.0.transformer_blocks.0.ff.net.2.weight", [64, 256], "Q6_K"],
  ],
  lumina2: [
    ["cap_embedder.1.weight", [256, 256], "BF16"],
    ["context_refiner.0.attention.qkv.weight", [768, 256], "BF16"],
    ["layers.0.attention.qkv.weight", [768, 256], "Q5_K"],
    ["layers.0.feed_forward.w2.weight", [256, 512], "Q6_K"],
    ["x_pad_token", [1, 2304], "BF16"],
  ],
  qwen_image: [
    ["time_text_embed.timestep_embedder.linear_2.weight", [256, 256], "BF16"],
    ["transformer_blocks.0.attn.norm_added_q.weight", [128], "F32"],
    ["transformer_blocks.0.attn.add_v_proj.weight", [256, 256], "Q6_K"],
    ["transformer_blocks.0.img_mlp.net.0.proj.weight", [512, 256], "Q4_K"],
    ["transformer_blocks.0.img_mlp.net.2.weight", [256, 512], "Q6_K"],
    ["img_in.weight", [256, 64], "BF16"],
  ],
};

/** The type of the floats in a file. */
export type TinyDtype = "BF16" | "F16" | "F32";

/** A tensor with weights of its own. */
export function tinyTensor(name: string, shape: readonly number[], dtype: TinyDtype = "BF16"): TensorToWrite {
  const seed = [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 65521, 1);
  const floats = weightsOf(
    seed,
    shape.reduce((product, dimension) => product * dimension, 1),
  );
  return { name, dtype, shape: [...shape], data: dtype === "F32" ? floats : narrow(dtype, floats) };
}

/** A .safetensors file of a tiny model, with the names behind a prefix. */
export function tinyFile(architecture: string, dtype: TinyDtype = "BF16", prefix = ""): Uint8Array<ArrayBuffer> {
  const key = `${[architecture, dtype, prefix]}`;
  const file =
    files.get(key) ??
    fileOf(tinyImageModels[architecture].map(([name, shape]) => tinyTensor(prefix + name, shape, dtype)));
  files.set(key, file);
  return file.slice();
}

/** The files that were made before. */
const files = new Map<string, Uint8Array<ArrayBuffer>>();
