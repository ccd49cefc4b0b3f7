import { bytesOf, type KeyToWrite, type TensorToWrite, tensorType } from "./gguf-file.js";

// Tiny language models that llama.cpp accepts, with weights from a fixed sequence of numbers.

export interface TinyModel {
  architecture: string;
  layers: number;
  /** The number of columns of most matrices. */
  columns: number;
  /** The number of columns of ffn_down. */
  hidden: number;
  experts?: number;
  heads?: number;
  keyHeads?: number;
  isTied?: boolean;
  type?: "F32" | "F16" | "BF16";
}

/** Bell-shaped weights, the same for a seed, with a few outliers. */
export function weightsOf(seed: number, length: number): Float32Array<ArrayBuffer> {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const weights = new Float32Array(length); // a loop takes a fifth of the time of from()
  for (let i = 0; i < length; i++) {
    const bell = uniform() + uniform() + uniform() + uniform();
    weights[i] = 0.05 * bell * (i % 211 === 0 ? 8 : 1);
  }
  return weights;
}

/** Halves near the floats; truncation does not matter to the tests. */
export function narrow(type: "F16" | "BF16", floats: Float32Array<ArrayBuffer>): Uint16Array {
  const bits = new Uint32Array(floats.buffer);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const each = bits[i];
    const exponent = ((each >>> 23) & 0xff) - 112;
    const magnitude = exponent < 1 ? 0 : (exponent << 10) | ((each >>> 13) & 0x3ff);
    halves[i] = type === "BF16" ? each >>> 16 : ((each >>> 16) & 0x8000) | magnitude;
  }
  return halves;
}

const VOCABULARY = 264;

/** The keys and tensors of a model, in another order than llama-quantize's. */
export function tinyModel(options: TinyModel): { keys: KeyToWrite[]; tensors: TensorToWrite[] } {
  const { architecture: name, layers, columns, hidden, experts, heads = 4, keyHeads = 2, isTied = false } = options;
  const { type = "F16" } = options;
  const u32 = (key: string, value: number): KeyToWrite => ({ name: `${name}.${key}`, type: "uint32", value });
  const keys: KeyToWrite[] = [
    { name: "general.architecture", type: "string", value: name },
    { name: "general.file_type", type: "uint32", value: 1 },
    { name: "general.name", type: "string", value: "tiny ü" },
    u32("block_count", layers),
    u32("context_length", 128),
    u32("embedding_length", columns),
    u32("feed_forward_length", hidden),
    u32("attention.head_count", heads),
    u32("attention.head_count_kv", keyHeads),
    { name: `${name}.attention.layer_norm_rms_epsilon`, type: "float32", value: 1e-5 },
    { name: `${name}.attention.layer_norm_epsilon`, type: "float32", value: 1e-5 },
    ...(experts ? [u32("expert_count", experts), u32("expert_used_count", 2)] : []),
    { name: "tokenizer.ggml.model", type: "string", value: "llama" },
    { name: "tokenizer.ggml.tokens", type: "string", value: tokens() },
    { name: "tokenizer.ggml.scores", type: "float32", value: Array.from({ length: VOCABULARY }, (_, i) => -i) },
    { name: "tokenizer.ggml.token_type", type: "int32", value: Array.from({ length: VOCABULARY }, tokenType) },
    { name: "general.quantization_version", type: "uint32", value: 2 },
  ];
  const tensors: TensorToWrite[] = [];
  const add = (tensor: string, shape: number[], as: keyof typeof tensorType = type) => {
    const floats = weightsOf(
      tensors.length + 1,
      shape.reduce((a, b) => a * b, 1),
    );
    const data = as === "F32" ? floats : narrow(as as "F16" | "BF16", floats);
    tensors.push({ name: tensor, type: tensorType[as], shape, data: bytesOf(data) });
  };
  if (!isTied) add("output.weight", [VOCABULARY, columns]);
  for (let layer = layers - 1; layer >= 0; layer--) {
    const block = (part: string) => `blk.${layer}.${part}`;
    const keyColumns = (columns / heads) * keyHeads;
    add(block("attn_q.weight"), [columns, columns]);
    add(block("attn_k.weight"), [keyColumns, columns]);
    add(block("attn_v.weight"), [keyColumns, columns]);
    add(block("attn_output.weight"), [columns, columns]);
    if (name === "qwen2") for (const part of ["q", "k", "v"]) add(block(`attn_${part}.bias`), [columns], "F32");
    add(block("attn_norm.weight"), [columns], "F32");
    add(block("ffn_norm.weight"), [columns], "F32");
    if (experts) add(block("ffn_gate_inp.weight"), [experts, columns], "F32");
    const [ending, of] = experts ? ["_exps.weight", [experts]] : [".weight", []];
    add(block(`ffn_gate${ending}`), [...of, hidden, columns]);
    add(block(`ffn_up${ending}`), [...of, hidden, columns]);
    add(block(`ffn_down${ending}`), [...of, columns, hidden]);
  }
  add("token_embd.weight", [VOCABULARY, columns]);
  add("output_norm.weight", [columns], "F32");
  return { keys, tensors };
}

/** Three tokens that begin and end texts, all bytes, and a few more: llama.cpp's tokenizer needs all bytes. */
function tokens(): string[] {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  return ["<unk>", "<s>", "</s>", ...bytes, "a", "b", "c", "d", "e"];
}

function tokenType(_: unknown, i: number): number {
  if (i < 3) return i === 0 ? 2 : 3;
  return i < 259 ? 6 : 1;
}
