import type { CodeArray, FloatArray } from "../core/arguments.js";
import { cutFor } from "../core/memory/buffers.js";
import type { Extents } from "../core/memory/extents.js";
import { bytesPer } from "../core/outputs.js";
import { codesOfChunk, rowsIn, writeChunk } from "./chunks.js";
import type { Course } from "./course.js";
import type { CodeSource, DequantizedSink } from "./ends.js";
import { fileRows } from "./file-rows.js";
import { Pipeline } from "./pipeline.js";
import { chunkElementsFor, regionsOf } from "./regions.js";
import type { Runner } from "./runner.js";

/** Scales in the order of the tensor, and their zero points, if there are any. */
export interface StreamScales {
  readonly scales: FloatArray;
  readonly zeroPoints?: CodeArray | undefined;
}

/** Computes code * scale, or (code - zero point) * scale, for any number of codes in little memory. */
export async function dequantizeStream(
  runner: Runner,
  source: CodeSource,
  { scales, zeroPoints }: StreamScales,
  sink: DequantizedSink,
  extents: Extents,
  { signal, onProgress, chunkElements }: Course,
): Promise<void> {
  const float64 = scales.BYTES_PER_ELEMENT === 8;
  const part = cutFor(runner.engine, extents, float64);
  const pipeline = new Pipeline(2 * runner.width + 2, signal);
  const total = extents.pieces * extents.outer * extents.channels * extents.inner;
  const file = runner.hasFiles ? sink.file : undefined;
  let passed = 0;
  try {
    for (const region of regionsOf(part, chunkElementsFor(part, chunkElements))) {
      const end = region.scale + region.part.pieces * region.part.channels;
      const some = { scales: scales.slice(region.scale, end), zeroPoints: zeroPoints?.slice(region.scale, end) };
      for (const chunk of region.chunks()) {
        await pipeline.room();
        pipeline.add(
          async () =>
            runner.run({
              kind: "dequantize",
              float64,
              part: chunk.part,
              ...(await codesOfChunk(runner, source, chunk)),
              ...some,
              dequantized: file
                ? fileRows(file, chunk, bytesPer[float64 ? "Float64Array" : "Float32Array"])
                : sink.shared && rowsIn(sink.shared, chunk),
            }),
          async ({ dequantized, used }) => {
            if (used && !source.shared) source.reuse?.(used as CodeArray);
            if (dequantized) await writeChunk(chunk, dequantized, (start, values) => sink.dequantized(start, values));
            passed += chunk.count * chunk.width;
            onProgress?.(passed, total);
          },
        );
      }
    }
    await pipeline.finished();
  } finally {
    await pipeline.quiet();
  }
}
