// What the names of tensors say of the modules (layers) that they belong to, in PyTorch's and TensorFlow's ways.

/** The module of a weight: `a.b` for `a.b.weight`; undefined where it is no module's weight. */
export function moduleOf(name: string): string | undefined {
  return name.endsWith(".weight") ? name.slice(0, -".weight".length) : undefined;
}

/** The last parts of a name, the parameter's own last. */
function partsOf(name: string): string[] {
  return name.toLowerCase().split(/[./:]/);
}

const PARAMETER = /^(weight|kernel|depthwise_kernel|embeddings?|embedding_table|scale|gamma|w)$/;

/** The parts that say what a weight is for: the parameter's name, and that of its module where this says no more than "weight". */
function tellingParts(name: string): string[] {
  const parts = partsOf(name);
  const last = parts.length - 1;
  return PARAMETER.test(parts[last]) ? parts.slice(-2) : parts.slice(-1);
}

/** Embeddings of tokens and the like: tables of which rows are looked up. */
export function isEmbedding(name: string): boolean {
  return tellingParts(name).some((part) => /^(wte|shared|tok_?emb\w*|\w*embeddings?|embed(_tokens|_in)?)$/.test(part));
}

/** The layer that turns the last hidden state into a choice of tokens. */
export function isOutputHead(name: string): boolean {
  return tellingParts(name).some((part) => /^(lm_head|embed_out)$/.test(part));
}

/** Embeddings of positions, learned or computed, relative ones too. */
export function isPositionEmbedding(name: string): boolean {
  const position =
    /^(wpe|pe|inv_freq|\w*pos_?emb\w*|\w*pos_?embed\w*|\w*position\w*|rel(ative)?_pos\w*|relative_attention_bias|rotary\w*)$/;
  return tellingParts(name).some((part) => position.test(part));
}

/** Weights of normalizations. */
export function isNorm(name: string): boolean {
  const norm = /^(\w*norm\d*|(\w+_)?(ln|bn)(_\w+|\d+)?|gamma|beta|(running|moving)_(mean|var|variance))$/;
  return tellingParts(name).some((part) => norm.test(part));
}

export function isBias(name: string): boolean {
  return /bias\d*$/.test(partsOf(name).at(-1) as string);
}

/** TensorFlow's kernels of depthwise convolutions, [height, width, channels, multiplier]. */
export function isDepthwiseKernel(name: string): boolean {
  return /depthwise/.test(partsOf(name).slice(-2).join("/"));
}
