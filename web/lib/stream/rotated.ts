import type { FloatArray } from "../core/arguments.js";
import { widenBfloat16, widenFloat16 } from "../tensor/floats.js";
import { rotate } from "../tensor/rotation.js";
import type { WeightSource } from "./ends.js";

/** The weights of a source, of which each `group` neighbours are rotated. Halves become float32. */
export function rotated(source: WeightSource, group: number): WeightSource {
  const { dtype, length } = source;
  return {
    dtype: dtype === "float64" ? dtype : "float32",
    length,
    async read(start, count) {
      const before = start % group;
      const end = Math.ceil((start + count) / group) * group;
      const read = await source.read(start - before, end - start + before);
      const values = (
        dtype === "float16" || dtype === "bfloat16"
          ? (dtype === "float16" ? widenFloat16 : widenBfloat16)(read as Uint16Array)
          : read
      ) as FloatArray;
      rotate(values, group);
      return values.length === count ? values : values.slice(before, before + count);
    },
  };
}
