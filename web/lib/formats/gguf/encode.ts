import { NonFiniteError } from "../../core/errors.js";
import type { TotalErrors } from "../../core/types.js";
import type { BlockEncoder } from "../../storage/ggml/blocks.js";
import { bytesPerElement, elementsOf, type FloatDtype } from "../../tensor/dtypes.js";
import { floatsOf } from "../../tensor/floats.js";
import { scaleBytes } from "../../tensor/stored-scales.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { EncodeCourse, WriteBytes } from "../format.js";
import { ErrorSums } from "./error-sums.js";
import { isDecoded } from "./tensors.js";
import { bytesOfType, type GgufType } from "./types.js";

/** The number of weights that are encoded at a time: whole blocks of every type. */
const STRETCH_ELEMENTS = 2 ** 20;

/**
 * Writes a tensor in a block type, and returns the error figures.
 *
 * @throws {NonFiniteError} for NaN and infinities, which blocks cannot hold.
 * @throws {RangeError} where a weight or a scale is too large for a float16.
 */
export async function encodeTensor(
  tensor: ModelTensor,
  type: GgufType,
  encoder: BlockEncoder,
  write: WriteBytes,
  { signal, progress }: EncodeCourse,
): Promise<TotalErrors> {
  const codec = await codecOf(type, encoder);
  const elements = elementsOf(tensor.shape);
  const size = bytesPerElement(tensor.dtype);
  const stretch = (start: number) => tensor.read(start * size, Math.min(STRETCH_ELEMENTS, elements - start) * size);
  const sums = new ErrorSums();
  let next = elements > 0 ? stretch(0) : undefined;
  for (let start = 0; start < elements; start += STRETCH_ELEMENTS) {
    signal?.throwIfAborted();
    const weights = singles(await (next as ReturnType<typeof stretch>), tensor.dtype as FloatDtype);
    if (start + STRETCH_ELEMENTS < elements) next = stretch(start + STRETCH_ELEMENTS);
    next?.catch(() => undefined); // it is awaited above, unless encoding fails first
    checkFinite(weights, start, elements / (tensor.shape[0] ?? 1));
    const bytes = codec.encode(weights);
    const decoded = codec.decode(bytes);
    if (!areFinite(decoded)) throw new RangeError(`a weight or a scale is too large for the float16 of ${type.name}`);
    sums.add(weights, decoded);
    await write(bytesOfType(type, start), bytes);
    progress((start + weights.length) / elements);
  }
  return sums.figures();
}

interface Codec {
  encode(weights: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array<ArrayBuffer>): Float32Array;
}

async function codecOf({ name, dtype }: GgufType, encoder: BlockEncoder): Promise<Codec> {
  if (dtype !== undefined) {
    return {
      encode: (weights) => scaleBytes(weights, dtype),
      decode: (bytes) => floatsOf(bytes, dtype as FloatDtype) as Float32Array,
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

/** Little-endian bytes as float32; float64 is rounded. */
function singles(bytes: Uint8Array<ArrayBuffer>, dtype: FloatDtype): Float32Array<ArrayBuffer> {
  const floats = floatsOf(bytes, dtype);
  return floats instanceof Float32Array ? floats : new Float32Array(floats);
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
