import { type FileTypeName, fileTypes } from "./file-types.js";
import { type GgufKey, integerOf, textOf } from "./keys.js";
import { typeNamed } from "./types.js";

// The type that llama-quantize of llama.cpp v0.4.0 gives each tensor of a language model, by the rules of
// src/llama-quant.cpp.

/** What decides the type of a tensor. */
export interface Sized {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Tensors whose names contain one of these stay as they are. */
const KEPT = [
  ...["_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj"],
  ...["ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "attn_rel_b.weight"],
  ...["time_mix_first.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight"],
  ...["w0", "w1", "w2", "v0", "v1", "v2", "a0", "a1", "a2", "g1", "g2"].map((part) => `time_mix_${part}.weight`),
  ...[".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger"],
  ...["a.rvq.codebook", "mm.a.code_embd"],
];
const KEPT_NAMES = ["position_embd.weight", "token_types.weight"];

/** The reason why a tensor stays as it is; undefined for one that is quantized. */
export function whyLlamaKeeps({ name, shape }: Sized): string | undefined {
  if (ggmlRank(shape) < 2) return "llama-quantize keeps vectors";
  if (!name.endsWith("weight")) return "llama-quantize keeps tensors that are not weights";
  const part = KEPT_NAMES.find((each) => each === name) ?? KEPT.find((each) => name.includes(each));
  return part && `llama-quantize keeps ${part.replace(/^\.|\.$/g, "")}`;
}

/** The number of dimensions without leading ones of size 1, which ggml does not count. */
export function ggmlRank(shape: readonly number[]): number {
  const first = shape.findIndex((dimension) => dimension !== 1);
  return first === -1 ? 1 : shape.length - first;
}

/** Sorts tensors as llama-quantize does: those outside of layers, then layer by layer, each by name. */
export function inLlamaOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  const encoder = new TextEncoder();
  const keyed = tensors.map((tensor) => ({ tensor, layer: layerOf(tensor.name), bytes: encoder.encode(tensor.name) }));
  keyed.sort((a, b) => a.layer - b.layer || compareBytes(a.bytes, b.bytes));
  return keyed.map(({ tensor }) => tensor);
}

function layerOf(name: string): number {
  const [, layer] = /^blk\.(\d+)\./.exec(name) ?? [];
  return layer === undefined ? -1 : Number(layer);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

type Category = "output" | "embedding" | "value" | "key" | "attention output" | "down" | "other";

/** The first category that matches a name counts. */
const categories: readonly (readonly [Category, (name: string) => boolean])[] = [
  ["output", (name) => name === "output.weight"],
  ["embedding", (name) => name === "token_embd.weight" || name === "per_layer_token_embd.weight"],
  ["value", (name) => /attn_(qkv|kv_b|v)\.weight/.test(name)],
  ["key", (name) => name.includes("attn_k.weight")],
  ["other", (name) => name.includes("attn_q.weight")],
  ["attention output", (name) => name.includes("attn_output.weight")],
  ["other", (name) => name.includes("ffn_up") || name.includes("ffn_gate")],
  ["down", (name) => name.includes("ffn_down")],
];

function categoryOf(name: string): Category {
  return categories.find(([, matches]) => matches(name))?.[0] ?? "other";
}

/** What a model's keys say that decides types. */
interface Facts {
  readonly architecture: string;
  readonly layers: number;
  readonly experts: number;
  /** The number of query heads for each key head, rounded down. */
  readonly headsPerKey: number;
  readonly is70B: boolean;
}

function factsOf(keys: readonly GgufKey[]): Facts {
  const architecture = textOf(keys, "general.architecture") ?? "";
  const integer = (name: string) => integerOf(keys, `${architecture}.${name}`);
  const layers = integer("block_count") ?? 0;
  const heads = integer("attention.head_count") ?? 0;
  const keyHeads = integer("attention.head_count_kv") ?? heads;
  const isGrouped =
    ["qwen2", "deci", "olmo"].includes(architecture) || (architecture === "llama" && heads !== keyHeads);
  return {
    ...{ architecture, layers, is70B: layers === 80 && isGrouped },
    experts: integer("expert_count") ?? 0,
    headsPerKey: keyHeads === 0 ? 0 : Math.trunc(heads / keyHeads),
  };
}

/**
 * The types of all tensors that are quantized, by name.
 *
 * @param tensors all tensors of a model, in the order of llama-quantize: which ones of a kind get more bits depends on
 * it.
 */
export function llamaTypes(
  tensors: readonly Sized[],
  keys: readonly GgufKey[],
  fileType: FileTypeName,
): ReadonlyMap<string, string> {
  const { tensors: base } = fileTypes[fileType];
  const facts = factsOf(keys);
  const isTied = !tensors.some(({ name }) => name === "output.weight");
  const values = tensors.filter(({ name }) => categoryOf(name) === "value").length;
  let [valuesBefore, downsBefore] = [0, 0];
  const types = new Map<string, string>();
  for (const tensor of tensors) {
    if (whyLlamaKeeps(tensor) !== undefined) continue;
    const { name, shape } = tensor;
    const category = categoryOf(name);
    if (typeNamed(base).dtype !== undefined) {
      types.set(name, base);
      continue;
    }
    const columns = shape[shape.length - 1];
    let type: string = base;
    if (category === "output" || (isTied && category === "embedding")) {
      const isWhole = columns % typeNamed(base).blockLength === 0;
      type = facts.architecture === "falcon" || !isWhole || base === "Q8_0" ? "Q8_0" : "Q6_K";
    } else if (category === "value") {
      type = valueType(fileType, facts, { at: valuesBefore++, of: values }) ?? base;
      if (facts.is70B && (type === "Q3_K" || type === "Q4_K")) type = "Q5_K";
      if (facts.experts === 8) type = "Q8_0";
    } else if (category === "key" && facts.experts === 8) {
      type = "Q8_0";
    } else if (category === "down") {
      // Experts may be out of order, so their layer is taken from their names.
      const at = facts.experts > 1 ? layerOf(name) : downsBefore;
      downsBefore++;
      type = downType(fileType, facts, { at, of: facts.layers }) ?? base;
    } else if (category === "attention output") {
      type = attentionOutputType(fileType, facts) ?? base;
    }
    types.set(name, typeThatFits(type, columns));
  }
  return types;
}

/** The place of a tensor among those of its kind, counted from 0, and their number. */
interface Place {
  readonly at: number;
  readonly of: number;
}

/** llama-quantize gives more bits to the first and the last eighth, and to every third between them. */
function hasMoreBits({ at, of }: Place): boolean {
  const eighth = Math.trunc(of / 8);
  return at < eighth || at >= Math.trunc((7 * of) / 8) || (at - eighth) % 3 === 2;
}

function valueType(fileType: FileTypeName, { headsPerKey }: Facts, place: Place): string | undefined {
  if (fileType === "Q2_K") return headsPerKey >= 4 ? "Q4_K" : "Q3_K";
  if (fileType === "Q3_K_M") return place.at < 2 ? "Q5_K" : "Q4_K";
  if (fileType === "Q3_K_L") return "Q5_K";
  if (fileType === "Q4_K_S") return place.at < 4 ? "Q5_K" : undefined;
  if (fileType === "Q4_K_M" || fileType === "Q5_K_M") return hasMoreBits(place) ? "Q6_K" : undefined;
  return undefined;
}

function downType(fileType: FileTypeName, { architecture }: Facts, place: Place): string | undefined {
  const isFalcon = architecture === "falcon";
  const isAmongFirst = (share: number) => place.at < Math.trunc(place.of / share);
  switch (fileType) {
    case "Q2_K":
      return "Q3_K";
    case "Q3_K_M":
      if (isAmongFirst(16)) return "Q5_K";
      return !isFalcon || hasMoreBits(place) ? "Q4_K" : "Q3_K";
    case "Q3_K_L":
      return isFalcon ? "Q4_K" : "Q5_K";
    case "Q4_K_S":
      return !isFalcon && isAmongFirst(8) ? "Q5_K" : undefined;
    case "Q4_K_M":
      if (!isFalcon) return hasMoreBits(place) ? "Q6_K" : undefined;
      if (isAmongFirst(16)) return "Q6_K";
      return hasMoreBits(place) ? "Q5_K" : "Q4_K";
    case "Q5_K_M":
      return hasMoreBits(place) ? "Q6_K" : undefined;
    default:
      return undefined;
  }
}

function attentionOutputType(fileType: FileTypeName, { architecture, experts }: Facts): string | undefined {
  if (architecture === "falcon") return fileType === "Q3_K_L" ? "Q4_K" : undefined;
  if (experts === 8) {
    return ["Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M"].includes(fileType) ? "Q5_K" : undefined;
  }
  return { Q2_K: "Q3_K", Q3_K_M: "Q4_K", Q3_K_L: "Q5_K" }[fileType as string];
}

/** The types that replace those whose blocks do not fill rows. */
const smaller: Readonly<Record<string, string>> = {
  ...{ Q2_K: "Q4_0", Q3_K: "Q4_0", Q4_K: "Q5_0", Q5_K: "Q5_1", Q6_K: "Q8_0" },
};

/** A type whose blocks fill rows of `columns` weights: the one asked for, one of smaller blocks, or F16. */
function typeThatFits(type: string, columns: number): string {
  const fits = (name: string) => columns % typeNamed(name).blockLength === 0;
  if (fits(type)) return type;
  const other = smaller[type];
  return other !== undefined && fits(other) ? other : "F16";
}
