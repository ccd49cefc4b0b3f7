// Reads the names of tensors: the module (layer) that they belong to, and what it does, in the conventions of PyTorch
// and TensorFlow.

/** The module of a weight: `a.b` for `a.b.weight`; undefined for other names. */
export function moduleOf(name: string): string | undefined {
  return name.endsWith(".weight") ? name.slice(0, -".weight".length) : undefined;
}

/** The last parts of a name, with the parameter's own at the end. */
function partsOf(name: string): string[] {
  return name.toLowerCase().split(/[./:]/);
}

const PARAMETER = /^(weight|kernel|depthwise_kernel|embeddings?|embedding_table|scale|gamma|w)$/;

/**
 * The parts that tell what a weight is for: the parameter's name, and its module's name where the former is only
 * "weight".
 */
function tellingParts(name: string): string[] {
  const parts = partsOf(name);
  const last = parts.length - 1;
  return PARAMETER.test(parts[last]) ? parts.slice(-2) : parts.slice(-1);
}

/** Whether a weight is an embedding, such as of tokens: a table whose rows are looked up. */
export function isEmbedding(name: string): boolean {
  const table =
    /^(wte|shared|tok_?emb\w*|token_embd|\w*embs?|\w*embeddings?|(\w+_)?embeds?|\w*embed_(tokens?|in)(_per_layer)?)$/;
  if (tellingParts(name).some((part) => table.test(part))) return true;
  // `embed_tokens.0.weight` is one of several. `time_embed.0.weight` is the first layer of an embedding that is
  // computed.
  const [of, place] = partsOf(name).slice(-3);
  return /^\d+$/.test(place) && /^(\w*embed_tokens|\w*embeddings|(\w+former_)?embs?)$/.test(of);
}

/** Whether a weight is the layer that turns the last hidden state into a choice of tokens. */
export function isOutputHead(name: string): boolean {
  const parts = partsOf(name);
  const module = PARAMETER.test(parts[parts.length - 1]) ? parts.slice(0, -1) : parts;
  if (module.some((part) => /^(\w+_)?lm_heads?$|^embed_out$|^shared_head$|^unembed\w*$/.test(part))) return true;
  // Inside a layer, the same name means something else.
  const isInLayer = module.some((part) => /^\d+$/.test(part));
  return !isInLayer && /^(head|output(_layer|_projection)?|proj_out)$/.test(module[module.length - 1] ?? "");
}

/**
 * Whether a weight is the layer that chooses the experts of a token: `mlp.gate`, `mlp.router`,
 * `mlp.shared_expert_gate`, `mlp.gate.wg`.
 */
export function isRouter(name: string, byName: ReadonlyMap<string, unknown>): boolean {
  const module = partsOf(name).slice(0, -1);
  const [last = "", above = ""] = module.reverse();
  if (/^(\w+_)?router$|^shared_experts?_gate$/.test(last) || above === "router") return true;
  if (above === "gate" && last === "wg") return true;
  if (last !== "gate" || !/^(mlp|ff(_\w+|n)?|feed_?forward|mixer|moe\w*|\w+_moe|\w*experts?)$/.test(above))
    return false;
  // Beside `up`, a gate is half of a gated linear unit.
  const beside = (other: string) => byName.has(name.replace(/gate(\.\w+)$/, `${other}$1`));
  return !beside("up") && !beside("up_proj");
}

/** Whether a weight is an embedding of positions: learned, computed or relative. */
export function isPositionEmbedding(name: string): boolean {
  const position =
    /^(wpe|pe|inv_freq|\w*pos_?emb\w*|\w*pos_?embed\w*|\w*position\w*|rel(ative)?_pos\w*|relative_attention_bias|rotary\w*)$/;
  return tellingParts(name).some((part) => position.test(part));
}

/** Whether a weight belongs to a normalization. */
export function isNorm(name: string): boolean {
  const norm = /^(\w*norm\d*|(\w+_)?(ln|bn)(_\w+|\d+)?|gamma|beta|(running|moving)_(mean|var|variance))$/;
  return tellingParts(name).some((part) => norm.test(part));
}

export function isBias(name: string): boolean {
  return /bias\d*$/.test(partsOf(name).at(-1) as string);
}

/** Whether a tensor is a depthwise convolution kernel of TensorFlow, [height, width, channels, multiplier]. */
export function isDepthwiseKernel(name: string): boolean {
  return /depthwise/.test(partsOf(name).slice(-2).join("/"));
}
