import type { Scheme } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import { type Dtype, elementsOf, isFloatDtype } from "../../tensor/dtypes.js";
import type { TensorInfo } from "../../tensor/tensor.js";
import type { Dialect, QuantizedTensorInfo, StoredTensor } from "./dialect.js";
import { isEmbedding, isNorm, isOutputHead, moduleOf } from "./modules.js";
import { stored } from "./plain.js";

/** The name in the file's metadata, and in config.json. */
export const CONFIG = "quantization_config";

/** Weights of 8 or 4 bits, packed; activations stay as they are (W8A16, W4A16). */
export const packQuantized = dialectOf("pack-quantized", [8, 4]);

/** Weights of 8 bits, for activations that are quantized to 8 bits when the model runs (W8A8). */
export const intQuantized = dialectOf("int-quantized", [8]);

function dialectOf(format: "pack-quantized" | "int-quantized", bits: readonly Bits[]): Dialect {
  const packed = format === "pack-quantized";
  return {
    bits,
    refusal: (tensor, scheme) => refusal(tensor, scheme, packed),
    keeps({ name }) {
      if (isEmbedding(name)) return "an embedding; compressed-tensors quantizes linear layers";
      return isOutputHead(name) ? "the output head, which vLLM expects as it is" : undefined;
    },
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

function packedTensors({ tensor, scheme: { bits }, scaleShape }: QuantizedTensorInfo): StoredTensor[] {
  const module = moduleOf(tensor.name) as string;
  const [rows, columns] = tensor.shape;
  const codes = stored(`${module}.weight_packed`, "int32", [rows, Math.ceil((columns * bits) / 32)], "codes");
  const shape = new Uint8Array(BigInt64Array.of(BigInt(rows), BigInt(columns)).buffer);
  return [
    { ...codes, packed: bits as 4 | 8 },
    scalesOf(module, tensor, scaleShape, modelDtype(tensor.dtype)),
    stored(`${module}.weight_shape`, "int64", [2], shape),
  ];
}

function intTensors({ tensor, scaleShape }: QuantizedTensorInfo): StoredTensor[] {
  const module = moduleOf(tensor.name) as string;
  return [
    stored(tensor.name, "int8", tensor.shape, "codes"),
    scalesOf(module, tensor, scaleShape, "float32"), // as vLLM loads them, whatever the model's type
  ];
}

function scalesOf(module: string, { shape }: TensorInfo, scaleShape: readonly number[], dtype: Dtype): StoredTensor {
  const [rows] = shape;
  return stored(`${module}.weight_scale`, dtype, [rows, elementsOf(scaleShape) / rows], "scales");
}

/** Scales are stored in the type of the model, and no model runs in float64. */
function modelDtype(dtype: Dtype): Dtype {
  return isFloatDtype(dtype) && dtype !== "float64" ? dtype : "float32";
}

/** What goes into a model's config.json under `quantization_config`, so that vLLM and transformers load it. */
export interface QuantizationConfig {
  quant_method: "compressed-tensors";
  format: "pack-quantized" | "int-quantized";
  quantization_status: "compressed";
  global_compression_ratio: null;
  kv_cache_scheme: null;
  /** Linear layers that are not quantized. */
  ignore: string[];
  config_groups: Record<string, ConfigGroup>;
}

interface ConfigGroup {
  targets: string[];
  weights: object;
  input_activations: object | null;
  output_activations: null;
}

/** The configuration that says which linear layers are quantized, and how. */
export function configOf(
  format: QuantizationConfig["format"],
  quantized: readonly QuantizedTensorInfo[],
  kept: readonly TensorInfo[],
): QuantizationConfig {
  const targets = new Map<string, { weights: object; modules: string[] }>();
  for (const { tensor, scheme } of quantized) {
    const weights = weightsConfig(scheme);
    const key = JSON.stringify(weights);
    if (!targets.has(key)) targets.set(key, { weights, modules: [] });
    targets.get(key)?.modules.push(moduleOf(tensor.name) as string);
  }
  const groups = [...targets.values()].map(({ weights, modules }, i) => [
    `group_${i}`,
    {
      // One way for all linear layers needs no names.
      targets: targets.size === 1 ? ["Linear"] : modules,
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
    ignore: kept.filter(isLinear).map(({ name }) => moduleOf(name) as string),
    config_groups: Object.fromEntries(groups),
  };
}

function isLinear({ name, shape }: TensorInfo): boolean {
  return shape.length === 2 && moduleOf(name) !== undefined && !isEmbedding(name) && !isNorm(name);
}

const activationsConfig = { num_bits: 8, type: "int", symmetric: true, strategy: "token", dynamic: true };

function weightsConfig({ bits, granularity }: Scheme): object {
  const group = typeof granularity === "object" ? granularity.group : null;
  return {
    num_bits: bits,
    type: "int",
    symmetric: true,
    strategy: group === null ? "channel" : "group",
    group_size: group,
    dynamic: false,
    observer: "minmax",
  };
}
