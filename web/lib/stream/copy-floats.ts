import type { FloatArray } from "../core/arguments.js";
import type { Course } from "./course.js";
import type { WeightSource } from "./ends.js";
import { Pipeline } from "./pipeline.js";

/**
 * The number of floats that are read at a time, and of stretches that are pending: one is written while others are
 * read.
 */
const stretch = 2 ** 20;
const width = 3;

/** Copies floats to a sink, in order. */
export async function copyFloats(
  source: WeightSource,
  sink: (start: number, values: FloatArray) => Promise<void> | void,
  { signal, onProgress }: Course,
): Promise<void> {
  const { length } = source;
  const pipeline = new Pipeline(width, signal);
  try {
    for (let start = 0; start < length; start += stretch) {
      const count = Math.min(stretch, length - start);
      await pipeline.room();
      pipeline.add(
        () => source.read(start, count),
        async (values) => {
          await sink(start, values as FloatArray);
          onProgress?.(start + count, length);
        },
      );
    }
    await pipeline.finished();
  } finally {
    await pipeline.quiet();
  }
}
