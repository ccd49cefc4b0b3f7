import type { WeightArray } from "../core/arguments.js";
import type { SpareMemory } from "../io/spare-memory.js";
import type { WeightSource } from "../stream/ends.js";
import { bytesPerElement, elementsOf, type FloatDtype } from "../tensor/dtypes.js";
import { paddingOf } from "../tensor/padding.js";
import type { ModelTensor } from "../tensor/tensor.js";

/**
 * The weights of a float tensor, padded with zeros to the size of the shape.
 *
 * @param along the dimension that is padded
 */
export function weightsOf(tensor: ModelTensor, shape: readonly number[], spares: SpareMemory, along = 0): WeightSource {
  const dtype = tensor.dtype as FloatDtype;
  const size = bytesPerElement(dtype);
  const { before, stretches } = paddingOf(shape, along, elementsOf(tensor.shape));
  const typed = (buffer: ArrayBuffer): WeightArray => {
    if (dtype === "float64") return new Float64Array(buffer);
    return dtype === "float32" ? new Float32Array(buffer) : new Uint16Array(buffer);
  };
  return {
    dtype,
    length: elementsOf(shape),
    async read(start, count) {
      const first = before(start);
      const given = before(start + count) - first;
      if (given === count) {
        return typed((await tensor.read(first * size, count * size, spares.take(count * size))).buffer);
      }
      const bytes = new Uint8Array(count * size);
      const there = given > 0 ? await tensor.read(first * size, given * size) : new Uint8Array();
      for (const [from, end] of stretches(start, count)) {
        const at = before(from) - first;
        bytes.set(there.subarray(at * size, (at + end - from) * size), (from - start) * size);
      }
      return typed(bytes.buffer);
    },
    reuse: ({ buffer }) => spares.give(buffer as ArrayBuffer),
  };
}
