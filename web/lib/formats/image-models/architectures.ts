import type { ImageArchitecture } from "./architecture.js";

// The architectures of image and video models, as data: how each is told by its tensors, and which of them it needs as
// floats. The names and the lists are those that ComfyUI-GGUF uses (tools/convert.py and tools/lcpp.patch of
// city96/ComfyUI-GGUF at 795e451; for qwen_image, Flux 2 and Wan S2V those of its branch auto_convert at 4dfc025). In
// patterns, * is any text.

/** The architectures, in the order in which a model is compared with them. */
export const imageArchitectures: readonly ImageArchitecture[] = [
  {
    name: "flux",
    detect: [["double_blocks.0.img_attn.proj.weight"]],
    diffusers: "single_transformer_blocks.0.attn.norm_k.weight",
    keep: [
      ...["*txt_in.*", "*img_in.*", "*time_in.*", "*vector_in.*", "*guidance_in.*", "*final_layer.*"],
      ...["*single_stream_modulation.*", "*double_stream_modulation_*"],
    ],
  },
  {
    name: "sd3",
    detect: [["joint_blocks.0.x_block.attn.qkv.weight"]],
    diffusers: "transformer_blocks.0.ff_context.net.0.proj.weight",
    keep: [
      ...["*final_layer.*", "*time_text_embed.*", "*context_embedder.*", "*t_embedder.*", "*y_embedder.*"],
      ...["*x_embedder.*", "proj_out.weight", "pos_embed"],
    ],
    ranks: { pos_embed: 3 },
  },
  {
    name: "aura",
    detect: [["double_layers.3.modX.1.weight"]],
    diffusers: "joint_transformer_blocks.3.ff_context.out_projection.weight",
    keep: [
      ...["*t_embedder.*", "*init_x_linear.*", "modF.1.weight", "cond_seq_linear.weight", "final_linear.weight"],
      ...["positional_encoding", "register_tokens"],
    ],
    ranks: { positional_encoding: 3, register_tokens: 3 },
  },
  {
    name: "hidream",
    detect: [["caption_projection.0.linear.weight", "double_stream_blocks.0.block.ff_i.shared_experts.w3.weight"]],
    keep: [
      ...["*p_embedder.*", "*t_embedder.*", "*x_embedder.*", "*final_layer.*", "*.ff_i.gate.weight*"],
      ...["*caption_projection.*"],
    ],
    float32: ["*.ff_i.gate.weight*"],
  },
  {
    name: "cosmos",
    detect: [["blocks.0.mlp.layer1.weight", "blocks.0.adaln_modulation_cross_attn.1.weight"]],
    keep: [
      ...["*p_embedder.*", "*t_embedder.*", "*t_embedding_norm.*", "*x_embedder.*", "*pos_embedder.*"],
      ...["*final_layer.*"],
    ],
    float32: ["*pos_embedder*"],
    leaveOut: ["*_extra_state*", "*accum_*"],
  },
  {
    name: "ltxv",
    detect: [
      [
        "adaln_single.emb.timestep_embedder.linear_2.weight",
        "transformer_blocks.27.scale_shift_table",
        "caption_projection.linear_2.weight",
      ],
    ],
    keep: ["*adaln_single.*", "*caption_projection.*", "*patchify_proj.*", "*proj_out.*", "*scale_shift_table*"],
    float32: ["*scale_shift_table*"],
  },
  {
    name: "hyvid",
    detect: [["double_blocks.0.img_attn_proj.weight", "txt_in.individual_token_refiner.blocks.1.self_attn_qkv.weight"]],
    keep: ["*txt_in.*", "*img_in.*", "*time_in.*", "*vector_in.*", "*guidance_in.*", "*final_layer.*"],
    needs: ["img_in.proj.weight"],
  },
  {
    name: "wan",
    detect: [["blocks.0.self_attn.norm_q.weight", "text_embedding.2.weight", "head.modulation"]],
    keep: [
      ...["*modulation.*", "*patch_embedding.*", "*text_embedding.*", "*time_projection.*", "*time_embedding.*"],
      ...["*img_emb.*", "*head.*", "*cond_encoder.*", "*frame_packer.*", "*audio_injector.*"],
      ...["*casual_audio_encoder.*", "*trainable_cond_mask.*"],
    ],
    float32: ["*.modulation*", "img_emb.emb_pos"],
    ranks: { "*.modulation": 3, "img_emb.emb_pos": 3 },
    needs: ["patch_embedding.weight"],
  },
  {
    name: "sdxl",
    detect: [
      ["down_blocks.0.downsamplers.0.conv.weight", "add_embedding.linear_1.weight"],
      [
        ...["input_blocks.3.0.op.weight", "input_blocks.6.0.op.weight"],
        ...["output_blocks.2.2.conv.weight", "output_blocks.5.2.conv.weight"],
      ],
      ["label_emb.0.0.weight"],
    ],
    keep: [
      ...["*class_embedding.*", "*time_embedding.*", "*add_embedding.*", "*time_embed.*", "*label_emb.*"],
      ...["*conv_in.*", "*conv_out.*", "input_blocks.0.0.weight", "out.2.weight"],
    ],
    reshape: true,
  },
  {
    name: "sd1",
    detect: [
      ["down_blocks.0.downsamplers.0.conv.weight"],
      [
        ...["input_blocks.3.0.op.weight", "input_blocks.6.0.op.weight", "input_blocks.9.0.op.weight"],
        ...["output_blocks.2.1.conv.weight", "output_blocks.5.2.conv.weight", "output_blocks.8.2.conv.weight"],
      ],
    ],
    keep: [
      ...["*class_embedding.*", "*time_embedding.*", "*add_embedding.*", "*time_embed.*", "*label_emb.*"],
      ...["*conv_in.*", "*conv_out.*", "input_blocks.0.0.weight", "out.2.weight"],
    ],
    reshape: true,
  },
  {
    name: "lumina2",
    detect: [["cap_embedder.1.weight", "context_refiner.0.attention.qkv.weight"]],
    keep: [
      ...["*t_embedder.*", "*x_embedder.*", "*final_layer.*", "*cap_embedder.*", "*context_refiner.*"],
      ...["*noise_refiner.*", "x_pad_token", "cap_pad_token"],
    ],
    ranks: { x_pad_token: 2, cap_pad_token: 2 },
  },
  {
    name: "qwen_image",
    detect: [
      [
        "time_text_embed.timestep_embedder.linear_2.weight",
        "transformer_blocks.0.attn.norm_added_q.weight",
        "transformer_blocks.0.img_mlp.net.0.proj.weight",
      ],
    ],
    keep: ["*img_in.*", "*txt_in.*", "*time_text_embed.*", "*proj_out.*", "*norm_out.*"],
  },
];

/** What a weight does in any of these architectures, which decides how many bits it gets; the first match counts. */
export const imageRoles = {
  values: [
    ...["*attn_v.weight", "*.to_v.weight", "*.v.weight", "*.attn.w1v.weight", "*.attn.w2v.weight"],
    ...["*.add_v_proj.weight", "*_attn.v_proj.weight"],
  ],
  "queries, keys and values": ["*attn_qkv.weight", "*attn.qkv.weight", "*attention.qkv.weight"],
  down: [
    ...["*ffn_down*", "*experts.*.w2.weight", "*.ffn.2.weight", "*.ff.net.2.weight", "*.mlp.layer2.weight"],
    ...["*.adaln_modulation_mlp.2.weight", "*.feed_forward.w2.weight"],
    ...["*.img_mlp.net.2.weight", "*.txt_mlp.net.2.weight"],
  ],
} as const satisfies Record<string, readonly string[]>;
