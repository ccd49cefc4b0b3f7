import { balanceCodes, MOST_BALANCED } from "../balance/balance-codes.js";
import { Errors } from "../balance/square-sums.js";
import type { FloatArray, WeightArray } from "../core/arguments.js";
import { changedError } from "../core/errors.js";
import { cutFor } from "../core/memory/buffers.js";
import type { Part } from "../core/memory/cut.js";
import { extentsOf } from "../core/memory/extents.js";
import { schemeOf } from "../core/scheme.js";
import type { TotalErrors } from "../core/types.js";
import { widenBfloat16, widenFloat16 } from "../tensor/floats.js";
import { weightsOfChunk, writeChunk } from "./chunks.js";
import type { ResultSink, WeightSource } from "./ends.js";
import { Pipeline } from "./pipeline.js";
import { quantizeStream, type StreamOptions } from "./quantize-stream.js";
import { chunkElementsFor, regionsOf } from "./regions.js";
import type { Runner } from "./runner.js";

/**
 * Quantizes weights in groups as quantizeStream() does, and balances their errors on the calling thread, where all bytes
 * pass then.
 */
export async function balancedStream(
  runner: Runner,
  { dtype, length, read }: WeightSource,
  sink: ResultSink,
  options: StreamOptions,
): Promise<TotalErrors> {
  const { signal, onProgress } = options;
  const scheme = schemeOf(options, options.shape);
  const { scaleShape: _, ...extents } = extentsOf(options.shape, scheme.axis, scheme.granularity);
  const part = wholeGroups(cutFor(runner.engine, extents, dtype === "float64"));
  const source = { dtype, length, read };
  const errors = new Errors();
  const pipeline = new Pipeline(runner.width + 2, signal);
  let passed = 0;
  try {
    for (const { scale, chunks } of regionsOf(part, chunkElementsFor(part))) {
      for (const chunk of chunks()) {
        await pipeline.room();
        pipeline.add(
          async () => {
            const weights = await weightsOfChunk({ hasFiles: false }, source, chunk);
            const figuresOf = "nothing";
            return runner.run({
              kind: "quantize",
              dtype,
              part: chunk.part,
              scheme,
              figuresOf,
              weights,
              dequantize: false,
            });
          },
          async ({ finite, used, quantized, scales, zeroPoints }) => {
            // The stream without balance names the weight that is not finite.
            if (!finite) await quantizeStream(runner, source, { quantized() {}, scales() {} }, options);
            if (!finite || !used || !quantized) throw changedError();
            const of = { quantized, scales, zeroPoints, extents: chunk.part, bits: scheme.bits };
            balanceCodes({ ...of, weights: floatsOf(used, dtype) }, (weight, error) => errors.add(weight, error));
            await sink.scales(scale, scales);
            if (zeroPoints) await sink.zeroPoints?.(scale, zeroPoints);
            await writeChunk(chunk, quantized, (start, some) => sink.quantized(start, some));
            passed += chunk.count * chunk.width;
            onProgress?.(passed, length);
          },
        );
      }
    }
    await pipeline.finished();
  } finally {
    await pipeline.quiet();
  }
  return errors.total(length);
}

/** Cuts panels so narrow that no group is cut: a block has room for 64 of the longest ones, also of float64. */
function wholeGroups(part: Part): Part {
  const panelChannels = Math.min(part.panelChannels, 65536 / MOST_BALANCED);
  return { ...part, panelChannels, blockRows: part.outer, blockInner: part.inner };
}

function floatsOf(weights: WeightArray, dtype: WeightSource["dtype"]): FloatArray {
  if (!(weights instanceof Uint16Array)) return weights;
  return dtype === "float16" ? widenFloat16(weights) : widenBfloat16(weights);
}
