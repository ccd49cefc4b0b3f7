import { checkInteger } from "../core/arguments.js";
import { bytesPerElement, elementsOf, isFloatDtype } from "./dtypes.js";
import { floatsOf } from "./floats.js";
import type { ModelTensor } from "./tensor.js";

/**
 * Weights of a tensor, row-major: those of 16 bits widened to float32, which is exact.
 *
 * @param start the first one; 0 when not given.
 * @param count how many; all that follow when not given.
 * @throws {TypeError | RangeError} for a tensor that is not of floats, and where it has not so many.
 */
export async function readFloats(
  tensor: ModelTensor,
  start = 0,
  count = elementsOf(tensor.shape) - start,
): Promise<Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  const { dtype, name } = tensor;
  if (!isFloatDtype(dtype)) throw new TypeError(`tensor ${name} is ${dtype}; it must be of floats`);
  const elements = elementsOf(tensor.shape);
  checkInteger("start", start, 0, elements);
  checkInteger("count", count, 0, elements - start);
  const size = bytesPerElement(dtype);
  return floatsOf(await tensor.read(start * size, count * size), dtype);
}
