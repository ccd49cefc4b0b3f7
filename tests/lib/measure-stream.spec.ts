import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { extentsOf } from "../../dist/core/memory/extents.js";
import { measureStream } from "../../dist/stream/measure-stream.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { floatTypes, uniform } from "./random.js";
import { elementsOf } from "./rule-cases.js";
import { chunkElements, onePass, twoPasses } from "./stream-layouts.js";

const channelwise = await load();
const runner = runnerOf(channelwise);

/** The largest relative difference between sums of squares in two orders. */
const tolerance = { float32: 2e-6, float64: 2e-12 };

describe.each(floatTypes)("codes and scales of %s weights", (type) => {
  // Chunks of a million weights hold several pieces, whose last panels are narrower than the others.
  it.each([...onePass, ...twoPasses])(
    "%s: have the figures of quantize(), in chunks of any size",
    async (_, layout) => {
      const { shape, axis = 0, granularity = "channel" } = layout;
      const weights = uniform(type, elementsOf(layout), 5);
      const { quantized, scales, mse, maxError } = channelwise.quantize(weights, { ...layout });
      const measured = (elements: number) =>
        measureStream(
          runner,
          { dtype: type, length: weights.length, read: async (start, count) => weights.slice(start, start + count) },
          { codes: { wide: false, read: async (start, count) => quantized.slice(start, start + count) }, scales },
          extentsOf(shape, axis, granularity),
          { chunkElements: elements },
        );
      const figures = await measured(chunkElements);
      expect(figures.maxError).toBe(maxError);
      expect(Math.abs(figures.mse - mse)).toBeLessThanOrEqual(tolerance[type] * mse);
      // Sums are of the same blocks and panels, in the same order.
      expect(await measured(2 ** 20)).toEqual(figures);
    },
  );
});
