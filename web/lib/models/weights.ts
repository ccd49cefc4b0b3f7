import type { WeightArray } from "../core/arguments.js";
import type { SpareMemory } from "../io/spare-memory.js";
import type { WeightSource } from "../stream/ends.js";
import { bytesPerElement, elementsOf, type FloatDtype } from "../tensor/dtypes.js";
import type { ModelTensor } from "../tensor/tensor.js";

/** The weights of a float tensor, padded with zeros to the size of the shape. */
export function weightsOf(tensor: ModelTensor, shape: readonly number[], spares: SpareMemory): WeightSource {
  const dtype = tensor.dtype as FloatDtype;
  const size = bytesPerElement(dtype);
  const there = elementsOf(tensor.shape);
  const typed = (buffer: ArrayBuffer): WeightArray => {
    if (dtype === "float64") return new Float64Array(buffer);
    return dtype === "float32" ? new Float32Array(buffer) : new Uint16Array(buffer);
  };
  return {
    dtype,
    length: elementsOf(shape),
    async read(start, count) {
      const given = Math.max(0, Math.min(count, there - start));
      if (given === count) {
        return typed((await tensor.read(start * size, count * size, spares.take(count * size))).buffer);
      }
      const bytes = new Uint8Array(count * size);
      if (given > 0) bytes.set(await tensor.read(start * size, given * size));
      return typed(bytes.buffer);
    },
    reuse: ({ buffer }) => spares.give(buffer as ArrayBuffer),
  };
}
