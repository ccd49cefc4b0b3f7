import type { CodeArray, FloatArray } from "../core/arguments.js";
import { type AnyCodes, cutFor } from "../core/engine.js";
import type { Extents } from "../core/extents.js";
import type { Packing } from "../core/packing.js";
import { readChunk, rowsIn, writeChunk } from "./chunks.js";
import { Pipeline } from "./pipeline.js";
import { type Course, defaultChunkElements } from "./quantize-stream.js";
import { blockSize, regionsOf } from "./regions.js";
import type { Runner } from "./runner.js";

/** Codes that are read when they are wanted. */
export interface CodeSource {
  /** Whether they are int16. */
  readonly wide: boolean;
  read(start: number, count: number): Promise<CodeArray>;
  /** Gives back an array that was read, when it is done with, for another read. */
  reuse?(array: CodeArray): void;
  /** All codes, where they lie in a SharedArrayBuffer, and how they are packed there. */
  readonly shared?: AnyCodes | undefined;
  readonly packing?: Packing | undefined;
}

/** Takes dequantized weights in the way in which ResultSink takes results. */
export interface DequantizedSink {
  dequantized(start: number, values: FloatArray): Promise<void> | void;
  /** An array for all of them in a SharedArrayBuffer, which is filled in place instead. */
  readonly shared?: FloatArray | undefined;
}

/** Gives code * scale for codes of any number in little memory; scales are in the order of the tensor. */
export async function dequantizeStream(
  runner: Runner,
  source: CodeSource,
  scales: FloatArray,
  sink: DequantizedSink,
  extents: Extents,
  { signal, onProgress, chunkElements = defaultChunkElements }: Course,
): Promise<void> {
  const float64 = scales.BYTES_PER_ELEMENT === 8;
  const part = cutFor(runner.engine, extents, float64);
  const pipeline = new Pipeline(2 * runner.width + 2, signal);
  const total = extents.pieces * extents.outer * extents.channels * extents.inner;
  let passed = 0;
  try {
    for (const region of regionsOf(part, Math.max(chunkElements, blockSize(part)))) {
      const some = scales.slice(region.scale, region.scale + region.part.pieces * region.part.channels);
      for (const chunk of region.chunks()) {
        await pipeline.room();
        pipeline.add(
          async () =>
            runner.run({
              kind: "dequantize",
              float64,
              part: chunk.part,
              quantized: source.shared
                ? rowsIn(source.shared, chunk, source.packing)
                : await readChunk({ read: source.read }, chunk, source.wide ? "Int16Array" : "Int8Array"),
              scales: some,
              dequantized: sink.shared && rowsIn(sink.shared, chunk),
            }),
          async ({ dequantized, used }) => {
            if (!source.shared) source.reuse?.(used as CodeArray);
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
