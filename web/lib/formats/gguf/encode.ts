import type { FloatArray } from "../../core/arguments.js";
import { NonFiniteError } from "../../core/errors.js";
import type { Engine } from "../../core/memory/buffers.js";
import type { TotalErrors } from "../../core/types.js";
import type { BlockEncoder } from "../../storage/ggml/blocks.js";
import { FloatSums } from "../../stream/float-sums.js";
import type { TensorCourse } from "../../tensor/course.js";
import { bytesPerElement, elementsOf, type FloatDtype } from "../../tensor/dtypes.js";
import { floatsOf } from "../../tensor/floats.js";
import { scaleBytes } from "../../tensor/stored-scales.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { WriteBytes } from "../output.js";
import { isDecoded } from "./tensors.js";
import { bytesOfType, type GgufType } from "./types.js";

/** The most weights that are encoded at a time: whole blocks of every type. */
const STRETCH_ELEMENTS = 2 ** 20;

/**
 * Writes a tensor in a block type, and returns the error figures.
 *
 * @throws {NonFiniteError} for NaN and infinities, which blocks cannot hold.
 * @throws {RangeError} where a weight or a scale is too large for a float16.
 */
export async function encodeTensor(
  engine: Engine,
  tensor: ModelTensor,
  type: GgufType,
  encoder: BlockEncoder,
  write: WriteBytes,
  { signal, progress }: TensorCourse,
): Promise<TotalErrors> {
  const codec = await codecOf(type, encoder);
  const elements = elementsOf(tensor.shape);
  const size = bytesPerElement(tensor.dtype);
  const sums = new FloatSums(engine, elements, tensor.dtype === "float64");
  const most = sums.stretchOf(STRETCH_ELEMENTS);
  const stretch = (start: number) => tensor.read(start * size, Math.min(most, elements - start) * size);
  let next = elements > 0 ? stretch(0) : undefined;
  for (let start = 0; start < elements; start += most) {
    signal?.throwIfAborted();
    const floats = floatsOf(await (next as ReturnType<typeof stretch>), tensor.dtype as FloatDtype);
    if (start + most < elements) next = stretch(start + most);
    next?.catch(() => undefined); // it is awaited above, unless encoding fails first
    const weights = singles(floats);
    checkFinite(weights, start, elements / (tensor.shape[0] ?? 1));
    const bytes = codec.encode(weights);
    const decoded = codec.decode(bytes);
    if (!areFinite(decoded)) throw new RangeError(`a weight or a scale is too large for the float16 of ${type.name}`);
    sums.add(floats, decoded);
    await write(bytesOfType(type, start), bytes);
    progress((start + weights.length) / elements);
  }
  return sums.figures();
}

interface Codec {
  encode(weights: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer>;
}

async function codecOf({ name, dtype }: GgufType, encoder: BlockEncoder): Promise<Codec> {
  if (dtype !== undefined) {
    return {
      encode: (weights) => scaleBytes(weights, dtype),
      decode: (bytes) => floatsOf(bytes, dtype as FloatDtype) as Float32Array<ArrayBuffer>,
    };
  }
  const { loadBlocks } = await import("../../storage/ggml/blocks.js");
  const blocks = await loadBlocks();
  if (!isDecoded(name)) throw new Error(`blocks of ${name} are not written`);
  return {
    encode: (weights) => blocks.encode(name, weights, encoder),
    decode: (bytes) => blocks.decode(name, bytes),
  };
}

/** Floats as float32; float64 is rounded. */
function singles(floats: FloatArray): Float32Array<ArrayBuffer> {
  return floats instanceof Float32Array ? (floats as Float32Array<ArrayBuffer>) : new Float32Array(floats);
}

function checkFinite(weights: Float32Array, start: number, rowLength: number): void {
  if (areFinite(weights)) return;
  const at = weights.findIndex((weight) => !Number.isFinite(weight));
  throw new NonFiniteError(start + at, Math.floor((start + at) / rowLength), weights[at]);
}

function areFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]) < Infinity)) return false;
  return true;
}
