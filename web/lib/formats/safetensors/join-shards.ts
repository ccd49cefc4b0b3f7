import { configOf, type QuantizationConfig } from "../dialects/compressed-tensors.js";
import { withScaleShape } from "../dialects/dialect.js";
import { inspectNames } from "../dialects/inspect.js";
import { floatInfo } from "../dialects/kind.js";
import { oddParts } from "../dialects/odd-parts.js";
import type { Model } from "../format.js";
import { whyNotOne } from "./shard-name.js";

/** The files that make one model of several .safetensors files. */
export interface JoinedShards {
  /** The contents of `model.safetensors.index.json`, to be written beside the shards. */
  readonly index: {
    /** The metadata of the whole model. */
    readonly metadata: {
      /** The size of all tensors in bytes. */
      readonly total_size: number;
    };
    /** The name of the file that holds each tensor, by the tensor's name. */
    readonly weight_map: Readonly<Record<string, string>>;
  };
  /** What seems not to be of one model, in sentences, such as floats beside quantized parts. */
  readonly warnings: readonly string[];
  /** The value for `quantization_config` of config.json, where the dialect is compressed-tensors. */
  readonly quantizationConfig: QuantizationConfig | undefined;
}

/**
 * Joins shards that one machine or many wrote.
 *
 * @param shards each file, opened as a model of its own.
 * @throws {RangeError} where the names are not those of one model, and where two shards have a tensor of the same name, or
 * differ in dialect.
 */
export async function joinShards(shards: readonly Model[]): Promise<JoinedShards> {
  const files = new Map<string, string>();
  let totalSize = 0;
  const why = whyNotOne(shards.map(({ name }) => name));
  if (why !== undefined) throw new RangeError(`${why}; join those of one model`);
  for (const { name: file, format, tensors } of shards) {
    if (format !== "safetensors") throw new RangeError(`${file} is of format ${format}; shards are .safetensors files`);
    for (const { name, byteLength } of tensors) {
      const other = files.get(name);
      if (other !== undefined) throw new RangeError(`${other} and ${file} both have the tensor ${name}`);
      files.set(name, file);
      totalSize += byteLength;
    }
  }
  return {
    index: { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(files) },
    ...(await joinedFacts(shards)),
  };
}

async function joinedFacts(shards: readonly Model[]): Promise<Pick<JoinedShards, "warnings" | "quantizationConfig">> {
  const inspections = await Promise.all(shards.map(inspectNames));
  const dialects = new Set(inspections.flatMap(({ dialect }) => dialect ?? []));
  if (dialects.size > 1) throw new RangeError(`the shards are of several dialects: ${[...dialects].join(", ")}`);
  const [dialect] = dialects;
  const kept = new Set(inspections.flatMap((inspection) => inspection.kept));
  const unread = new Set(inspections.flatMap(({ unreadable }) => unreadable.map(({ tensor }) => tensor)));
  const warnings = oddParts(shards, (tensor) => !kept.has(tensor) || unread.has(tensor.name), dialect);
  if (dialect !== "compressed-tensors" && dialect !== "compressed-tensors-w8a8") {
    return { warnings, quantizationConfig: undefined };
  }
  const quantizationConfig = configOf(
    dialect === "compressed-tensors" ? "pack-quantized" : "int-quantized",
    inspections.flatMap(({ quantized }) => quantized.map((tensor) => withScaleShape(floatInfo(tensor), tensor.scheme))),
    [...kept],
  );
  return { warnings, quantizationConfig };
}
