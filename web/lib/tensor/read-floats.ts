import { checkInteger } from "../core/arguments.js";
import { bytesPerElement, elementsOf, isFloatDtype } from "./dtypes.js";
import { floatsOf } from "./floats.js";
import type { ModelTensor } from "./tensor.js";

/**
 * Reads weights of a tensor, row-major. Those of 16 bits are widened to float32, which is exact.
 *
 * @param start the index of the first one, by default 0.
 * @param count their number, by default all from `start` on.
 * @throws {TypeError | RangeError} for a tensor that is not of floats, or has fewer.
 */
export async function readFloats(
  tensor: ModelTensor,
  start = 0,
  count = elementsOf(tensor.shape) - start,
): Promise<Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  const { dtype, name } = tensor;
  if (!isFloatDtype(dtype)) throw new TypeError(`tensor ${name} is ${dtype}; it must be a float tensor`);
  const elements = elementsOf(tensor.shape);
  checkInteger("start", start, 0, elements);
  checkInteger("count", count, 0, elements - start);
  const size = bytesPerElement(dtype);
  return floatsOf(await tensor.read(start * size, count * size), dtype);
}
