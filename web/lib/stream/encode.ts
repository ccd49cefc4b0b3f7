import type { FloatArray, WeightArray } from "../core/arguments.js";
import type { Dtype } from "../core/dtype.js";
import type { Engine } from "../core/memory/buffers.js";
import type { Part } from "../core/memory/cut.js";
import { blocksOf } from "../storage/ggml/blocks.js";
import { floatsOf, widenBfloat16, widenFloat16 } from "../tensor/floats.js";
import { scaleBytes } from "../tensor/stored-scales.js";
import { blockFigures } from "./float-sums.js";
import type { EncodeDone, Encoding } from "./tasks.js";

/** Encodes weights, and measures what the bytes stand for. */
export function encodeWith(
  { encode, decode }: Coder,
  engine: Engine,
  { dtype, part }: { readonly dtype: Dtype; readonly part: Part },
  array: WeightArray,
): Omit<EncodeDone, "used"> {
  const floats = widened(array, dtype);
  // Float64 is rounded.
  const weights = floats instanceof Float32Array ? (floats as Float32Array<ArrayBuffer>) : new Float32Array(floats);
  const nonFinite = firstNonFinite(weights);
  if (nonFinite !== -1) {
    const problem = { index: nonFinite, value: weights[nonFinite], isTooLarge: false };
    return { problem, bytes: new Uint8Array(), figures: new Float64Array() };
  }
  const bytes = encode(weights);
  const decoded = decode(bytes);
  const tooLarge = largestLost(weights, decoded);
  if (tooLarge !== -1) {
    const problem = { index: tooLarge, value: weights[tooLarge], isTooLarge: true };
    return { problem, bytes, figures: new Float64Array() };
  }
  return { problem: undefined, bytes, figures: blockFigures(engine, part, floats, decoded) };
}

/** Turns weights into bytes and back. */
export interface Coder {
  encode(weights: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer>;
}

export async function coderOf(encoding: Encoding): Promise<Coder> {
  if ("dtype" in encoding) {
    const { dtype } = encoding;
    return {
      encode: (weights) => scaleBytes(weights, dtype),
      decode: (bytes) => floatsOf(bytes, dtype) as Float32Array<ArrayBuffer>,
    };
  }
  const { module, blockType, encoder } = encoding;
  const blocks = await blocksOf(module);
  return {
    encode: (weights) => blocks.encode(blockType, weights, encoder),
    decode: (bytes) => blocks.decode(blockType, bytes),
  };
}

function widened(array: WeightArray, dtype: Dtype): FloatArray {
  if (dtype === "float16") return widenFloat16(array as Uint16Array);
  if (dtype === "bfloat16") return widenBfloat16(array as Uint16Array);
  return array as FloatArray;
}

/** The largest weight among those whose blocks decode to what is not finite; -1 where all are finite. */
function largestLost(weights: Float32Array, decoded: Float32Array): number {
  let largest = -1;
  for (let i = firstNonFinite(decoded); i !== -1 && i < decoded.length; i++) {
    if (Math.abs(decoded[i]) < Infinity) continue;
    if (largest === -1 || Math.abs(weights[i]) > Math.abs(weights[largest])) largest = i;
  }
  return largest;
}

function firstNonFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]) < Infinity)) return i;
  return -1;
}
