import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import { cutFor } from "../core/memory/buffers.js";
import type { Extents } from "../core/memory/extents.js";
import { readFigures } from "../core/memory/figures.js";
import type { AnyCodes } from "../core/memory/staging.js";
import type { TotalErrors } from "../core/types.js";
import { codesOfChunk, weightsOfChunk } from "./chunks.js";
import type { Course } from "./course.js";
import type { CodeSource, WeightSource } from "./ends.js";
import { PanelSums } from "./panel-sums.js";
import { nothing, Pipeline } from "./pipeline.js";
import { type Chunk, chunkElementsFor, regionsOf } from "./regions.js";
import type { Runner } from "./runner.js";
import type { MeasureTask } from "./tasks.js";

/** The values to compare: floats, or codes with their scales, which are in the order of the tensor. */
export type ValueSource = WeightSource | { readonly codes: CodeSource; readonly scales: FloatArray };

/** Error figures, and whether weights and values are floats of the same bytes. */
export type Measured = TotalErrors & { readonly same: boolean };

/**
 * Measures values against weights, of any number in little memory. Floats that are not finite make figures infinite or
 * NaN.
 *
 * @param extents the extents that the scales refer to; any extents for floats
 */
export async function measureStream(
  runner: Runner,
  source: WeightSource,
  values: ValueSource,
  extents: Extents,
  { signal, onProgress, chunkElements }: Course,
): Promise<Measured> {
  const { engine } = runner;
  const reuseValues = (array: WeightArray | AnyCodes) =>
    "codes" in values ? values.codes.reuse?.(array as CodeArray) : values.reuse?.(array as WeightArray);
  const part = cutFor(engine, extents, source.dtype === "float64" || isFloat64(values));
  const pipeline = new Pipeline(2 * runner.width + 2, signal);
  const figures = new Float64Array(engine.places.figuresLength);
  let passed = 0;
  let same = true;
  try {
    for (const region of regionsOf(part, chunkElementsFor(part, chunkElements))) {
      const valuesOf = async (chunk: Chunk): Promise<MeasureTask["values"]> => {
        if (!("codes" in values)) return floatsOfChunk(runner, values, chunk);
        const scales = values.scales.slice(region.scale, region.scale + region.part.pieces * region.part.channels);
        return { ...(await codesOfChunk(runner, values.codes, chunk)), scales };
      };
      const sums = new PanelSums(engine, region.part, "all");
      for (const chunk of region.chunks()) {
        await pipeline.room();
        pipeline.add(
          async () => {
            const both = await Promise.all([floatsOfChunk(runner, source, chunk), valuesOf(chunk)]);
            return runner.run({ kind: "measure", part: chunk.part, weights: both[0], values: both[1] });
          },
          (done) => {
            if (done.used) source.reuse?.(done.used);
            if (done.usedValues) reuseValues(done.usedValues);
            same &&= done.same;
            sums.add(chunk.part, done.figures);
            passed += chunk.count * chunk.width;
            onProgress?.(passed, source.length);
          },
        );
      }
      await pipeline.room();
      pipeline.add(nothing, () => sums.addTo(figures));
    }
    await pipeline.finished();
  } finally {
    await pipeline.quiet();
  }
  return { ...readFigures(engine.places, figures, 0, source.length), same };
}

const isFloat64 = (values: ValueSource) =>
  "codes" in values ? values.scales.BYTES_PER_ELEMENT === 8 : values.dtype === "float64";

async function floatsOfChunk(runner: Runner, source: WeightSource, chunk: Chunk) {
  return { dtype: source.dtype, floats: await weightsOfChunk(runner, source, chunk) };
}
