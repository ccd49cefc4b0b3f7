import type { Scheme } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import { zeroPointShape } from "../../storage/words.js";
import { type Dtype, elementsOf, isFloatDtype } from "../../tensor/dtypes.js";
import type { TensorInfo } from "../../tensor/tensor.js";
import type { Dialect, QuantizedTensorInfo, StoredTensor } from "./dialect.js";
import { expertsOf, joinedLayers } from "./joined-layers.js";
import { isEmbedding, isNorm, isOutputHead, isRouter, moduleOf } from "./modules.js";
import { stored } from "./plain.js";

/** The key in the metadata of the file and in config.json. */
export const CONFIG = "quantization_config";

/** Packed weights of 8 or 4 bits; activations stay floats (W8A16, W4A16). */
export const packQuantized = dialectOf("pack-quantized", [8, 4]);

/** Weights of 8 bits; activations are quantized to 8 bits while the model runs (W8A8). */
export const intQuantized = dialectOf("int-quantized", [8]);

/**
 * Layers of DeepSeek's models that vLLM always builds without quantization: those of its indexer and of multi-token
 * prediction.
 */
const alwaysFloat = /\.(weights_proj|eh_proj)\.weight$/;

function dialectOf(format: "pack-quantized" | "int-quantized", bits: readonly Bits[]): Dialect {
  const packed = format === "pack-quantized";
  return {
    bits,
    positive: "vLLM", // its kernels do not say what they do with negative scales
    ...(!packed && { symmetric: "vLLM" }), // where activations are quantized too
    refusal: (tensor, scheme) => refusal(tensor, scheme, packed),
    keeps({ name }, byName) {
      if (isOutputHead(name)) return "the output head, which vLLM expects as it is";
      if (isEmbedding(name)) return "an embedding; compressed-tensors quantizes linear layers";
      if (isRouter(name, byName)) return "a router of experts, which vLLM expects as it is";
      return alwaysFloat.test(name) ? "vLLM expects it as it is" : undefined;
    },
    joined: joinedLayers,
    stored: (tensor) => (packed ? packedTensors(tensor) : intTensors(tensor)),
    metadata: (quantized, kept) => ({ [CONFIG]: JSON.stringify(configOf(format, quantized, kept)) }),
  };
}

function refusal({ name, shape }: TensorInfo, { axis, granularity }: Scheme, packed: boolean): string | undefined {
  if (moduleOf(name) === undefined || shape.length !== 2) return "compressed-tensors quantizes linear layers only";
  if (granularity === "tensor") return "vLLM takes one scale a channel or group, not one for all";
  if (typeof granularity === "string") {
    return axis === 1 ? "compressed-tensors has one scale for each output channel: axis 0" : undefined;
  }
  if (!packed) return "vLLM takes no groups where activations are quantized too";
  return granularity.along === 0 ? "compressed-tensors has groups along the input channels: along 1" : undefined;
}

function packedTensors({ tensor, scheme, scaleShape }: QuantizedTensorInfo): StoredTensor[] {
  const { bits, zeroPoints } = scheme;
  const module = moduleOf(tensor.name) as string;
  const [rows, columns] = tensor.shape;
  const codes = stored(`${module}.weight_packed`, "int32", [rows, Math.ceil((columns * bits) / 32)], "codes");
  const shape = new Uint8Array(BigInt64Array.of(BigInt(rows), BigInt(columns)).buffer);
  const scales = scalesOf(module, tensor, scaleShape, modelDtype(tensor.dtype));
  const zeros = stored(
    `${module}.weight_zero_point`,
    "int32",
    zeroPointShape(scales.shape, bits as 4 | 8),
    "zeroPoints",
  );
  return [
    { ...codes, packed: bits as 4 | 8 },
    scales,
    ...(zeroPoints ? [{ ...zeros, packed: bits as 4 | 8 }] : []),
    stored(`${module}.weight_shape`, "int64", [2], shape),
  ];
}

function intTensors({ tensor, scaleShape }: QuantizedTensorInfo): StoredTensor[] {
  const module = moduleOf(tensor.name) as string;
  return [
    stored(tensor.name, "int8", tensor.shape, "codes"),
    scalesOf(module, tensor, scaleShape, "float32"), // vLLM loads them as float32, whatever the model's type
  ];
}

function scalesOf(module: string, { shape }: TensorInfo, scaleShape: readonly number[], dtype: Dtype): StoredTensor {
  const [rows] = shape;
  return stored(`${module}.weight_scale`, dtype, [rows, elementsOf(scaleShape) / rows], "scales");
}

/** The type of the model, in which scales are stored. No model runs in float64. */
function modelDtype(dtype: Dtype): Dtype {
  return isFloatDtype(dtype) && dtype !== "float64" ? dtype : "float32";
}

/** The value of `quantization_config` in a model's config.json, by which vLLM and transformers load it. */
export interface QuantizationConfig {
  /** The library that reads the format. */
  quant_method: "compressed-tensors";
  /**
   * "pack-quantized": codes are packed into int32. "int-quantized": codes are int8, and activations are quantized too.
   */
  format: "pack-quantized" | "int-quantized";
  /** The file holds codes, not floats. */
  quantization_status: "compressed";
  /** The ratio is not computed. */
  global_compression_ratio: null;
  /** The key-value cache is not quantized. */
  kv_cache_scheme: null;
  /** The linear layers that are not quantized. */
  ignore: string[];
  /** Groups of layers that are quantized in one way, by name. */
  config_groups: Record<string, ConfigGroup>;
}

/** Layers that are quantized in one way, and how. */
export interface ConfigGroup {
  /** The names of the layers, or "Linear" for all linear layers. */
  targets: string[];
  /** How weights are quantized: `num_bits`, `strategy`, `group_size` and so on, as compressed-tensors names them. */
  weights: object;
  /** How the inputs of the layers are quantized while the model runs; null where they stay floats. */
  input_activations: object | null;
  /** The outputs of the layers stay floats. */
  output_activations: null;
}

/** The configuration that describes the quantized linear layers. */
export function configOf(
  format: QuantizationConfig["format"],
  quantized: readonly QuantizedTensorInfo[],
  kept: readonly TensorInfo[],
): QuantizationConfig {
  const targets = new Map<string, { weights: object; modules: Set<string> }>();
  for (const { tensor, scheme } of quantized) {
    const weights = weightsConfig(scheme);
    const key = JSON.stringify(weights);
    const { modules } = targets.get(key) ?? { modules: new Set() };
    targets.set(key, { weights, modules });
    const module = moduleOf(tensor.name) as string;
    for (const name of [module, ...firstExpert(expertsOf(module))]) modules.add(name);
  }
  const groups = [...targets.values()].map(({ weights, modules }, i) => [
    `group_${i}`,
    {
      // One way for all linear layers needs no names.
      targets: targets.size === 1 ? ["Linear"] : [...modules],
      weights,
      input_activations: format === "int-quantized" ? activationsConfig : null,
      output_activations: null,
    },
  ]);
  return {
    quant_method: "compressed-tensors",
    format,
    quantization_status: "compressed",
    global_compression_ratio: null,
    kv_cache_scheme: null,
    ignore: [
      ...new Set([...kept.flatMap(ignoredOf), ...tiedHeads([...quantized.map(({ tensor }) => tensor), ...kept])]),
    ],
    config_groups: Object.fromEntries(groups),
  };
}

/**
 * The names by which loaders look for a layer that is kept; none for tensors that are neither linear layers nor
 * experts.
 */
function ignoredOf(tensor: TensorInfo): string[] {
  const { name, shape } = tensor;
  const stacked = stackedExpertsOf(tensor);
  if (stacked !== undefined) return [stacked, ...firstExpert(stacked)];
  const module = moduleOf(name);
  if (module === undefined || isNorm(name) || (isEmbedding(name) && !isOutputHead(name))) return [];
  return shape.length === 2 || shape.length === 3 ? [module, ...firstExpert(expertsOf(module))] : [];
}

/**
 * The module of all experts of a layer that lie in one tensor, as in Llama 4, gpt-oss and Granite: vLLM builds linear
 * layers of them.
 */
function stackedExpertsOf({ name, dtype, shape }: TensorInfo): string | undefined {
  if (shape.length < 2 || !isFloatDtype(dtype) || expertsOf(name) !== undefined) return undefined;
  const granite = /^(?:.*\.)?block_sparse_moe(?=\.(input|output)_linear\.)/.exec(name)?.[0];
  return granite === undefined ? /^(?:.*\.)?experts(?=\.)/.exec(name)?.[0] : `${granite}.experts`;
}

/**
 * The names by which vLLM asks how the experts of a layer are quantized, whatever the file calls them
 * (compressed_tensors_moe.py).
 */
function firstExpert(experts: string | undefined): string[] {
  return experts === undefined ? [] : ["gate_proj", "up_proj", "down_proj"].map((layer) => `${experts}.0.${layer}`);
}

/**
 * Heads that share the weights of an embedding and are therefore not in the file: loaders make linear layers of them.
 */
function tiedHeads(tensors: readonly TensorInfo[]): string[] {
  if (tensors.some(({ name }) => isOutputHead(name))) return [];
  const above = tensors.flatMap(({ name }) => /^((?:.*\.)?)model\.embed_tokens\.weight$/.exec(name)?.[1] ?? []);
  return ["", ...above].map((module) => `${module}lm_head`);
}

const activationsConfig = { num_bits: 8, type: "int", symmetric: true, strategy: "token", dynamic: true };

function weightsConfig({ bits, granularity, zeroPoints }: Scheme): object {
  const group = typeof granularity === "object" ? granularity.group : null;
  return {
    num_bits: bits,
    type: "int",
    symmetric: !zeroPoints,
    strategy: group === null ? "channel" : "group",
    group_size: group,
    dynamic: false,
    observer: "minmax",
  };
}
