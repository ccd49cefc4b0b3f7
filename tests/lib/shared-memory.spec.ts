// Weights in shared memory, which another thread changes all the time while they are quantized.

import { load as loadOneThread, NonFiniteError, type QuantizeResult } from "channelwise";
import { load, type ParallelChannelwise, type WorkerLike } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { uniform } from "./random.js";
import type { Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await loadOneThread();
const parallel = await load({ workers: 2 });
afterAll(() => parallel.close());
const callers = { "one thread": channelwise as unknown as ParallelChannelwise, workers: parallel };

type Listening = WorkerLike & { once?(type: string, listen: (data: unknown) => void): void; onmessage: unknown };

function startThread(): Listening {
  const file = new URL("./another-thread.js", import.meta.url);
  const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
  return (threads ? new threads.Worker(file) : new Worker(file, { type: "module" })) as Listening;
}

/** Resolves to the thread's next message. */
function answerOf(thread: Listening): Promise<unknown> {
  return new Promise((resolve) => {
    if (thread.once) thread.once("message", resolve);
    else thread.onmessage = ({ data }: MessageEvent) => resolve(data);
  });
}

const bitsOf = (value: number) => new Int32Array(Float32Array.of(value).buffer)[0];

/** A change falls into a call of each kind several times over all tests. */
const attempts = 12;

/** Acts repeatedly while a thread writes the values in turn to `count` places from `first` on. */
async function whileChanging(
  weights: Float32Array,
  first: number,
  count: number,
  values: readonly number[],
  action: () => Promise<void>,
) {
  const thread = startThread();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const places = new Int32Array(weights.buffer, weights.byteOffset + 4 * first, count);
  const writing = answerOf(thread);
  thread.postMessage({ places, bits: values.map(bitsOf), stop }, []);
  await writing;
  for (let i = 0; i < attempts; i++) await action();
  const stopped = answerOf(thread);
  Atomics.store(stop, 0, 1);
  await stopped;
  await thread.terminate();
}

// All of these pass twice: no channel, or no strip of columns, fits a block.
const layouts: [string, Layout][] = [
  ["one scale for all", { shape: [400_000], granularity: "tensor" }],
  ["long rows", { shape: [2, 200_000] }],
  ["columns", { shape: [40_000, 10], axis: 1 }],
];

describe.each(Object.entries(callers))("by %s", (_, { quantize }) => {
  describe.each(layouts)("%s", (_, layout) => {
    const weights = new Float32Array(new SharedArrayBuffer(4 * 400_000));
    const bits = 4;

    /** The codes, scales and largest error of weights with this value. */
    function resultWith(place: number, value: number): QuantizeResult {
      const own = weights.slice();
      own[place] = value;
      return channelwise.quantize(own, { ...layout, bits });
    }

    it.each([
      ["grows", 1000],
      ["grows beyond all", 3e38],
      ["shrinks", 2 ** -20],
    ])("gives codes of a state that the weights had, where one of them %s", async (_, value) => {
      weights.set(uniform("float32", weights.length, 1));
      // The last weight is read last, and may have changed since the scales were made.
      const place = weights.length - 1;
      weights[place] = 2;
      const states = [resultWith(place, 2), resultWith(place, value)];
      let [given, refused] = [0, 0];
      await whileChanging(weights, place, 1, [2, value], async () => {
        try {
          const { quantized, scales, maxError } = await quantize(weights, { ...layout, bits });
          const state = states.find((state) => scales.every((scale, c) => scale === state.scales[c]));
          expect(state).toBeDefined();
          expectSameBits(quantized, (state as QuantizeResult).quantized, "quantized");
          expect(maxError).toBe(state?.maxError);
          given++;
        } catch (error) {
          expect(String(error)).toMatch("weights changed while they were quantized");
          refused++;
        }
      });
      expect(given + refused).toBe(attempts);
    });

    it.each([Number.NaN, Number.NEGATIVE_INFINITY])(
      "is refused, where weights become %d, by what it saw",
      async (value) => {
        weights.set(uniform("float32", weights.length, 2));
        weights.fill(0.5, 150_000, 150_100);
        const expected = channelwise.quantize(weights, { ...layout, bits });
        await whileChanging(weights, 150_000, 100, [0.5, value], async () => {
          try {
            const { quantized, scales } = await quantize(weights, { ...layout, bits });
            expectSameBits(scales, expected.scales, "scales");
            expectSameBits(quantized, expected.quantized, "quantized");
          } catch (error) {
            if (error instanceof NonFiniteError) {
              expect(error.value).toBe(value);
              expect(error.index).toBeGreaterThanOrEqual(150_000);
              expect(error.index).toBeLessThan(150_100);
            } else {
              expect(String(error)).toMatch("weights changed while they were quantized");
            }
          }
        });
      },
    );
  });
});
