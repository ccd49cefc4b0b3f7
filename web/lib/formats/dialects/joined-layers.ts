import type { TensorInfo } from "../../tensor/tensor.js";
import { moduleOf } from "./modules.js";

// Knows which layers vLLM joins into one: packed_modules_mapping and stacked_params_mapping of its models, and the
// experts of a mixture (FusedMoE). "vLLM requires all to use the same scheme" (compressed_tensors/utils.py).

/** Layers of one module that are joined; those with `beside` only where the module has that layer too. */
const stacks: readonly { readonly layers: readonly string[]; readonly beside?: string }[] = [
  { layers: ["q_proj", "k_proj", "v_proj", "b_proj", "f_a_proj", "g_a_proj"] }, // the last three: Kimi's linear attention
  { layers: ["gate_proj", "up_proj"] },
  { layers: ["w1", "w3"] },
  { layers: ["w1", "w2"], beside: "c_proj" }, // Qwen's first model; in others w2 comes after w1 and w3
  { layers: ["c_fc_0", "c_fc_1"] },
  { layers: ["fc11", "fc12"] },
  { layers: ["wi_0", "wi_1"] },
  { layers: ["query", "key", "value"] },
  { layers: ["q", "k", "v"] },
  { layers: ["wq", "wk", "wv"] },
  { layers: ["to_q", "to_k", "to_v"] },
  { layers: ["add_q_proj", "add_k_proj", "add_v_proj"] },
  { layers: ["attn_q_proj", "attn_k_proj", "attn_v_proj"] },
  { layers: ["key_proj", "value_proj"] },
  { layers: ["q_a_proj", "kv_a_proj_with_mqa", "g_proj"] },
  { layers: ["wq_a", "wkv_a", "wkv"] },
  { layers: ["wk", "weights_proj"] },
  { layers: ["in_proj_qkv", "in_proj_z"] },
  { layers: ["in_proj_b", "in_proj_a"] },
];

/** Lists of indices of linear layers that are joined, two or more in each. */
export function joinedLayers(tensors: readonly TensorInfo[]): number[][] {
  const modules = new Set(tensors.map(({ name }) => moduleOf(name)));
  const joined = new Map<string, number[]>();
  for (const [place, { name, shape }] of tensors.entries()) {
    const module = shape.length === 2 ? moduleOf(name) : undefined;
    if (module === undefined) continue;
    for (const key of keysOf(module, modules)) {
      const places = joined.get(key) ?? [];
      places.push(place);
      joined.set(key, places);
    }
  }
  return [...joined.values()].filter(({ length }) => length > 1);
}

/** Keys that a layer shares with those that it is joined with. */
function keysOf(module: string, modules: ReadonlySet<string | undefined>): string[] {
  const experts = expertsOf(module);
  if (experts !== undefined) return [experts];
  const at = module.lastIndexOf(".") + 1;
  const [above, last] = [module.slice(0, at), module.slice(at)];
  return stacks
    .filter(({ layers, beside }) => layers.includes(last) && (beside === undefined || modules.has(above + beside)))
    .map(({ layers }) => above + layers);
}

/**
 * The module of all experts of a layer, where each is a module of its own: `mlp.experts` for `mlp.experts.3.up_proj`.
 */
export function expertsOf(module: string): string | undefined {
  return /^(?:.*\.)?experts(?=\.\d+\.)/.exec(module)?.[0];
}
