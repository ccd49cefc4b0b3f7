import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { isRecord } from "../../io/json.js";
import { shownJson } from "../../io/shorten.js";
import { joined, partOf } from "../../io/sources.js";
import {
  byteLengthOf,
  bytesPerElement,
  type Dtype,
  elementsOf,
  exactByteLength,
  isShape,
  shapeLimits,
} from "../../tensor/dtypes.js";

import type { ModelTensor } from "../../tensor/tensor.js";
import type { FormatContents, PassedOver } from "../format.js";

/** TensorFlow.js's names of element types, without that for text. */
const dtypes: Readonly<Record<string, Dtype>> = {
  float32: "float32",
  int32: "int32",
  bool: "bool",
  complex64: "complex64",
};

/** The types in which TensorFlow.js's converter stores weights that it quantized. */
const storedDtypes: Readonly<Record<string, Dtype>> = { float16: "float16", uint8: "uint8", uint16: "uint16" };

/**
 * The paths of the weight files of a model.json, in order.
 *
 * @throws {FormatError} where it is not a model with weights.
 */
export function tfjsWeightFiles(model: Record<string, unknown>, file: string): string[] {
  return manifestOf(model, file).flatMap(({ paths }) => paths);
}

/**
 * The weights of a TensorFlow.js model. Text is passed over.
 *
 * @param open opens a weight file by its path in the manifest.
 * @throws {FormatError} for a malformed model, and where the length of the files does not fit the weights.
 */
export async function readTfjs(
  model: Record<string, unknown>,
  file: string,
  open: (path: string) => ByteSource,
): Promise<FormatContents> {
  const tensors: ModelTensor[] = [];
  const passedOver: PassedOver[] = [];
  const names = new Set<string>();
  for (const { paths, weights } of manifestOf(model, file)) {
    const data = joined(paths.map(open), paths.join(" + "));
    let offset = 0;
    for (const weight of weights) {
      const sound = checkedWeight(weight, file);
      const { name, dtype, shape } = sound;
      if (names.has(name)) fail(file, "its name is in the manifest twice", name);
      names.add(name);
      if (dtype === "string") {
        offset += await textBytes(elementsOf(shape), data, offset, name);
        passedOver.push({ name, reason: "its elements are text, not numbers" });
        continue;
      }
      const { tensor, size } = readWeight(sound, data, offset, file);
      tensors.push(tensor);
      offset += size;
    }
    if (offset !== data.size) {
      const reason = `the weights of the manifest take ${offset} bytes, and the file has ${data.size}`;
      throw new FormatError({ file: data.name, offset: Math.min(offset, data.size), reason });
    }
  }
  return { tensors, passedOver };
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
  if (!Array.isArray(manifest)) return fail(file, "it has no weightsManifest: this is not a TensorFlow.js model");
  for (const group of manifest) {
    const sound =
      isRecord(group) &&
      Array.isArray(group.weights) &&
      Array.isArray(group.paths) &&
      group.paths.every((path) => typeof path === "string");
    if (!sound) fail(file, "every group of the weightsManifest must have arrays of paths and of weights");
    if ((group.weights as unknown[]).length > 0 && (group.paths as unknown[]).length === 0) {
      fail(
        file,
        "a group of the weightsManifest has weights and lists no paths of their files: convert the model again",
      );
    }
  }
  return manifest;
}

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: unknown;
  readonly quantization: unknown;
}

function checkedWeight(weight: unknown, file: string): Weight {
  if (!isRecord(weight) || typeof weight.name !== "string") return fail(file, "a weight of the manifest has no name");
  const { name, shape, dtype, quantization } = weight;
  if (!isShape(shape)) {
    return fail(file, `its shape is ${shownJson(shape)}; it must be an array of ${shapeLimits}`, name);
  }
  return { name, shape, dtype, quantization };
}

function readWeight(
  { name, shape, dtype: dtypeName, quantization }: Weight,
  data: ByteSource,
  offset: number,
  file: string,
) {
  if (typeof dtypeName !== "string" || !Object.hasOwn(dtypes, dtypeName)) {
    const known = Object.keys(dtypes).join(", ");
    return fail(file, `its dtype is ${shownJson(dtypeName)}; ${known} can be read`, name);
  }
  const dtype = dtypes[dtypeName];
  const stored = quantization === undefined ? dtype : storedDtypeOf(quantization, dtype, file, name);
  const size = exactByteLength(stored, shape) as bigint;
  if (size > data.size - offset) {
    throw cutShort(data, offset, name, `its data would end at byte ${BigInt(offset) + size}`);
  }
  const part = partOf(data, offset, Number(size));
  const isAffine = quantization !== undefined && (stored === "uint8" || stored === "uint16");
  const tensor: ModelTensor = isAffine
    ? dequantized(part, stored, quantization as Affine, { name, shape, dtype: dtype as "float32" | "int32" })
    : { name, dtype: stored, shape, byteLength: part.size, read: part.read };
  return { tensor, size: part.size };
}

function cutShort({ name: file, size }: ByteSource, offset: number, tensor: string, what: string): FormatError {
  return new FormatError({
    file,
    tensor,
    offset,
    reason: `${what}, and the file ends at byte ${size}: it is cut short`,
  });
}

/** Most strings are short, so one window holds many. */
const TEXT_WINDOW_BYTES = 2 ** 16;

/** The bytes that texts take, each after its length in 4 bytes. */
async function textBytes(count: number, data: ByteSource, offset: number, name: string): Promise<number> {
  let at = offset;
  let window = { start: 0, bytes: new Uint8Array() };
  for (let i = 0; i < count; i++) {
    if (at + 4 > data.size) throw cutShort(data, at, name, `text ${i} of ${count} would begin here`);
    if (at < window.start || at + 4 > window.start + window.bytes.length) {
      window = { start: at, bytes: await data.read(at, Math.min(TEXT_WINDOW_BYTES, data.size - at)) };
    }
    const length = new DataView(window.bytes.buffer).getUint32(at - window.start, true);
    if (length > data.size - at - 4) throw cutShort(data, at, name, `text ${i} of ${count} would take ${length} bytes`);
    at += 4 + length;
  }
  return at - offset;
}

interface Affine {
  scale: number;
  min: number;
}

/** TensorFlow.js's io_utils.ts has the same rule: float16 replaces float32, and integers replace float32 or int32. */
function storedDtypeOf(quantization: unknown, original: Dtype, file: string, name: string): Dtype {
  const { dtype, scale, min } = (quantization ?? {}) as Record<string, unknown>;
  const known = typeof dtype === "string" && Object.hasOwn(storedDtypes, dtype);
  if (!known || (dtype !== "float16" && !(Number.isFinite(scale) && Number.isFinite(min)))) {
    fail(file, "its quantization must have a dtype (float16, uint8 or uint16), and for integers scale and min", name);
  }
  if (original !== "float32" && !(original === "int32" && dtype !== "float16")) {
    fail(file, `it is ${original} and quantized to ${dtype}; float32 can be, and int32 to uint8 and uint16`, name);
  }
  return storedDtypes[dtype as string];
}

/**
 * Turns integers that TensorFlow.js's converter made of weights back: integer * scale + min, which is rounded for
 * int32.
 */
function dequantized(
  stored: ByteSource,
  storedDtype: "uint8" | "uint16",
  { scale, min }: Affine,
  { name, shape, dtype }: Pick<ModelTensor, "name" | "shape"> & { dtype: "float32" | "int32" },
): ModelTensor {
  const unit = bytesPerElement(storedDtype);
  return {
    name,
    dtype,
    shape,
    byteLength: byteLengthOf(dtype, shape),
    async read(offset, length) {
      const first = Math.floor(offset / 4);
      const count = Math.ceil((offset + length) / 4) - first;
      const bytes = await stored.read(first * unit, count * unit);
      const integers = unit === 1 ? bytes : new Uint16Array(bytes.buffer);
      const values = dtype === "int32" ? new Int32Array(count) : new Float32Array(count);
      for (let i = 0; i < count; i++) {
        const value = integers[i] * scale + min;
        values[i] = dtype === "int32" ? Math.round(value) : value;
      }
      return new Uint8Array(values.buffer).slice(offset - 4 * first, offset - 4 * first + length);
    },
  };
}
