import type { FloatArray } from "../core/arguments.js";
import { NonFiniteError } from "../core/errors.js";
import { narrowTo } from "./floats.js";
import { bytesIn } from "./stored-scales.js";
import type { ModelTensor } from "./tensor.js";

/** The largest float16. */
const LARGEST = 65504;

/**
 * The bytes of weights rounded to float16, half to even, as ggml rounds them.
 *
 * @param start the index of the first one in its tensor, for errors.
 * @throws {NonFiniteError | RangeError} for weights that a float16 does not hold.
 */
export function halfBytes(weights: FloatArray, start: number): Uint8Array<ArrayBuffer> {
  const at = weights.findIndex((weight) => !(Math.abs(weight) <= LARGEST));
  if (at === -1) return bytesIn(narrowTo("float16", weights));
  if (!Number.isFinite(weights[at])) throw new NonFiniteError(start + at, 0, weights[at]);
  throw new RangeError(`weight ${start + at} is ${weights[at]}; a float16 holds at most ${LARGEST}`);
}

/** A tensor of float32 that is rounded to float16 when it is read. */
export function inHalves({ name, shape, byteLength, read }: ModelTensor): ModelTensor {
  return {
    ...{ name, shape, dtype: "float16", byteLength: byteLength / 2 },
    async read(offset, length) {
      const { buffer } = await read(2 * offset, 2 * length);
      return halfBytes(new Float32Array(buffer), offset / 2);
    },
  };
}
