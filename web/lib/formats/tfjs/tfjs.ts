import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { isRecord } from "../../io/json.js";
import { shownJson } from "../../io/shorten.js";
import { joined, partOf } from "../../io/sources.js";
import { byteLengthOf, bytesPerElement, type Dtype, exactByteLength, isShape, MAX_RANK } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";

/** TensorFlow.js's names of element types. Strings have no fixed size, and are not weights. */
const dtypes: Readonly<Record<string, Dtype>> = {
  float32: "float32",
  int32: "int32",
  bool: "bool",
  complex64: "complex64",
};

/** How weights that TensorFlow.js's converter quantized are stored. */
const storedDtypes: Readonly<Record<string, Dtype>> = { float16: "float16", uint8: "uint8", uint16: "uint16" };

/**
 * Names of the weight files of a model.json, in order.
 *
 * @throws {FormatError} where it is not a model with weights.
 */
export function tfjsWeightFiles(model: Record<string, unknown>, file: string): string[] {
  return manifestOf(model, file).flatMap(({ paths }) => paths);
}

/**
 * The weights of a TensorFlow.js model.
 *
 * @param open gives a weight file by its name in the manifest.
 * @throws {FormatError} for a malformed model, and where the files are not as long as the weights.
 */
export function readTfjs(
  model: Record<string, unknown>,
  file: string,
  open: (path: string) => ByteSource,
): ModelTensor[] {
  const tensors: ModelTensor[] = [];
  const names = new Set<string>();
  for (const { paths, weights } of manifestOf(model, file)) {
    const data = joined(paths.map(open), paths.join(" + "));
    let offset = 0;
    for (const weight of weights) {
      const { tensor, size } = readWeight(weight, data, offset, file);
      if (names.has(tensor.name)) fail(file, "its name comes twice in the manifest", tensor.name);
      names.add(tensor.name);
      tensors.push(tensor);
      offset += size;
    }
    if (offset !== data.size) {
      const reason = `the weights of the manifest take ${offset} bytes, and the file has ${data.size}`;
      throw new FormatError({ file: data.name, offset: Math.min(offset, data.size), reason });
    }
  }
  return tensors;
}

function fail(file: string, reason: string, tensor?: string): never {
  throw new FormatError({ file, tensor, offset: 0, reason });
}

interface Group {
  paths: string[];
  weights: unknown[];
}

function manifestOf(model: Record<string, unknown>, file: string): Group[] {
  const { weightsManifest: manifest } = model;
  if (!Array.isArray(manifest)) return fail(file, "it has no weightsManifest: this is no TensorFlow.js model");
  for (const group of manifest) {
    const sound =
      isRecord(group) &&
      Array.isArray(group.weights) &&
      Array.isArray(group.paths) &&
      group.paths.every((path) => typeof path === "string");
    if (!sound) fail(file, "every group of the weightsManifest must have arrays of paths and of weights");
  }
  return manifest;
}

function readWeight(weight: unknown, data: ByteSource, offset: number, file: string) {
  if (!isRecord(weight) || typeof weight.name !== "string") return fail(file, "a weight of the manifest has no name");
  const { name, shape, dtype: dtypeName, quantization } = weight;
  if (!isShape(shape)) {
    return fail(file, `its shape is ${shownJson(shape)}; it must be an array of integers, ${MAX_RANK} at most`, name);
  }
  if (typeof dtypeName !== "string" || !Object.hasOwn(dtypes, dtypeName)) {
    const known = Object.keys(dtypes).join(", ");
    return fail(file, `its dtype is ${shownJson(dtypeName)}; ${known} can be read`, name);
  }
  const stored = quantization === undefined ? dtypes[dtypeName] : storedDtypeOf(quantization, file, name);
  const size = exactByteLength(stored, shape) as bigint;
  if (size > data.size - offset) {
    const reason = `its data would end at byte ${BigInt(offset) + size}, and the file ends at byte ${data.size}: it is cut short`;
    throw new FormatError({ file: data.name, tensor: name, offset, reason });
  }
  const part = partOf(data, offset, Number(size));
  const isAffine = stored === "uint8" || stored === "uint16";
  const tensor: ModelTensor =
    quantization !== undefined && isAffine
      ? dequantized(part, stored, quantization as Affine, { name, shape })
      : { name, dtype: stored, shape, byteLength: part.size, read: part.read };
  return { tensor, size: part.size };
}

interface Affine {
  scale: number;
  min: number;
}

function storedDtypeOf(quantization: unknown, file: string, name: string): Dtype {
  const { dtype, scale, min } = (quantization ?? {}) as Record<string, unknown>;
  const known = typeof dtype === "string" && Object.hasOwn(storedDtypes, dtype);
  if (!known || (dtype !== "float16" && !(Number.isFinite(scale) && Number.isFinite(min)))) {
    fail(file, "its quantization must have a dtype (float16, uint8 or uint16), and for integers scale and min", name);
  }
  return storedDtypes[dtype as string];
}

/** Weights that TensorFlow.js's converter made integers of, as the float32 they stand for: integer * scale + min. */
function dequantized(
  stored: ByteSource,
  dtype: "uint8" | "uint16",
  { scale, min }: Affine,
  { name, shape }: Pick<ModelTensor, "name" | "shape">,
): ModelTensor {
  const unit = bytesPerElement(dtype);
  return {
    name,
    dtype: "float32",
    shape,
    byteLength: byteLengthOf("float32", shape),
    async read(offset, length) {
      const first = Math.floor(offset / 4);
      const count = Math.ceil((offset + length) / 4) - first;
      const bytes = await stored.read(first * unit, count * unit);
      const integers = unit === 1 ? bytes : new Uint16Array(bytes.buffer);
      const floats = new Float32Array(count);
      for (let i = 0; i < count; i++) floats[i] = integers[i] * scale + min;
      return new Uint8Array(floats.buffer).slice(offset - 4 * first, offset - 4 * first + length);
    },
  };
}
