import { load, NonFiniteError, type QuantizeOptions, type QuantizeResult } from "channelwise";
import { describe, expect, it } from "vitest";
import { cutFor } from "../../dist/core/memory/buffers.js";
import { extentsOf } from "../../dist/core/memory/extents.js";
import type { ResultSink, WeightSource } from "../../dist/stream/ends.js";
import { quantizeStream } from "../../dist/stream/quantize-stream.js";
import { regionsOf } from "../../dist/stream/regions.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { type Floats, floatTypes, newFloats, randomPatterns, uniform } from "./random.js";
import { channels, type Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";
import { chunkElements, onePass, twoPasses } from "./stream-layouts.js";

const channelwise = await load();
const runner = runnerOf(channelwise);

/** Weights in memory, as a source that counts the reads of each. */
function sourceOf(weights: Floats) {
  const passes = new Uint8Array(weights.length);
  const sizes: number[] = [];
  const source: WeightSource = {
    dtype: weights instanceof Float32Array ? "float32" : "float64",
    length: weights.length,
    async read(start, count) {
      sizes.push(count);
      for (let i = start; i < start + count; i++) passes[i]++;
      await new Promise((resolve) => setTimeout(resolve, (start * 7) % 3)); // out of order
      return weights.slice(start, start + count);
    },
  };
  return { source, passes, sizes };
}

/** Keeps results in memory, and throws if one is written twice, or while another one is. */
function sinkFor(expected: QuantizeResult) {
  const { quantized, scales, dequantized, perChannel } = expected;
  const put = { quantized: quantized.slice(), scales: scales.slice(), dequantized: dequantized?.slice() };
  const figures = perChannel && {
    mse: perChannel.mse.slice(),
    maxError: perChannel.maxError.slice(),
    sqnr: perChannel.sqnr.slice(),
  };
  const arrays = [put.quantized, put.scales, ...(put.dequantized ? [put.dequantized] : [])];
  for (const array of [...arrays, ...Object.values(figures ?? {})]) array.fill(77);
  let busy = false;
  const counts = { quantized: 0, scales: 0, dequantized: 0, perChannel: 0 };
  async function inTurn(name: keyof typeof counts, count: number, write: () => void) {
    expect(busy, `${name} written while something else is`).toBe(false);
    busy = true;
    counts[name] += count;
    await null;
    write();
    busy = false;
  }
  const sink: ResultSink = {
    quantized: (start, codes) => inTurn("quantized", codes.length, () => put.quantized.set(codes, start)),
    scales: (start, values) => inTurn("scales", values.length, () => put.scales.set(values, start)),
    ...(put.dequantized && {
      dequantized: (start, values) => inTurn("dequantized", values.length, () => put.dequantized?.set(values, start)),
    }),
    perChannel: (start, errors) =>
      inTurn("perChannel", errors.mse.length, () => {
        for (const name of ["mse", "maxError", "sqnr"] as const) figures?.[name].set(errors[name], start);
      }),
  };
  return { sink, put, figures, counts };
}

/** Fails unless streaming gives the results of quantize(), to the last bit; returns how often each weight was read. */
async function expectSame(
  weights: Floats,
  options: Layout & Pick<QuantizeOptions, "bits" | "errors" | "dequantize">,
  heldElements?: number,
) {
  const expected: QuantizeResult = channelwise.quantize(weights, options as QuantizeOptions);
  const { source, passes, sizes } = sourceOf(weights);
  const { sink, put, figures, counts } = sinkFor(expected);
  const progress: number[] = [];
  const onProgress = (done: number, total: number) => {
    expect(total).toBe(weights.length);
    progress.push(done);
  };
  const { dequantize: _, ...streamed } = options;
  const result = await quantizeStream(runner, source, sink, {
    ...streamed,
    ...{ chunkElements, heldElements, onProgress },
  });
  const { quantized, scales, dequantized, perChannel, ...rest } = expected;
  expect(result).toEqual(rest);
  expectSameBits(put.quantized, quantized, "quantized");
  expectSameBits(put.scales, scales, "scales");
  if (dequantized && put.dequantized) expectSameBits(put.dequantized, dequantized, "dequantized");
  for (const name of ["mse", "maxError", "sqnr"] as const) {
    if (perChannel && figures) expectSameBits(figures[name], perChannel[name], `perChannel.${name}`);
  }
  expect(counts).toEqual({
    quantized: quantized.length,
    scales: scales.length,
    dequantized: dequantized?.length ?? 0,
    perChannel: perChannel?.mse.length ?? 0,
  });
  expect(Math.max(...sizes)).toBeLessThanOrEqual(chunkElements);
  expect(progress.at(-1)).toBe(weights.length);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  return passes;
}

/** The layouts, of one pass and of two, for which less is asked for as well: rows, groups, strips and one scale. */
const withLess = ["rows", "groups in strips", "columns", "groups longer than a chunk", "one scale for all"];

describe.each(floatTypes)("streams of %s weights", (type) => {
  const make = ({ shape }: Layout, seed: number) =>
    randomPatterns(
      type,
      shape.reduce((a, b) => a * b),
      seed,
      997,
    );

  describe.each([...onePass, ...twoPasses])("%s", (name, layout) => {
    const weights = make(layout, name.length);
    const times = onePass.some(([each]) => each === name) ? 1 : 2;

    // All of a result for every layout. Where chunks begin and end does not depend on what is asked for.
    const less = [{ errors: "total" }, { errors: false, bits: 12 }] as const;
    it.each([{ errors: "channel", dequantize: true } as const, ...(withLess.includes(name) ? less : [])])(
      `give the bits of quantize(), with each weight read ${times === 1 ? "once" : "twice"}: %j`,
      async (options) => {
        const passes = await expectSame(weights, { ...layout, ...options });
        expect(passes.every((each) => each === times)).toBe(true);
      },
    );
  });

  it("in memory in between, as many as may be, are read once", async () => {
    const layout = { shape: [900, 701], axis: 1 };
    const passes = await expectSame(make(layout, 1), layout, 2 * chunkElements);
    const once = passes.indexOf(2);
    // Two chunks of whole rows of blocks.
    expect(once).toBeGreaterThan(chunkElements);
    expect(once).toBeLessThanOrEqual(2 * chunkElements);
    expect(passes.every((times, i) => times === (i < once ? 1 : 2))).toBe(true);
  });

  it.each([...onePass, ...twoPasses])("%s: the first weight that is not finite is named", async (_, layout) => {
    const weights = make(layout, 2);
    // A later weight may lie in an earlier strip.
    const row = layout.shape.at(-1) ?? 1;
    const first = weights.length - (row % weights.length) - 3;
    const later = Math.max(first, weights.length - row) + 1;
    weights[first] = -Infinity;
    weights[later] = Number.NaN;
    const { source } = sourceOf(weights);
    const { sink } = sinkFor(channelwise.quantize(newFloats(type, weights.length), { ...layout }));
    const error = await quantizeStream(runner, source, sink, { ...layout, chunkElements }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NonFiniteError);
    const { index, channel, value } = error as NonFiniteError;
    expect({ index, channel, value }).toEqual({
      index: first,
      channel: channels(layout).channelOf(first),
      value: -Infinity,
    });
  });
});

describe("a weight that is not finite", () => {
  it.each([...onePass, ...twoPasses])("%s: is looked for where its region begins", async (name, layout) => {
    const { shape, axis = 0, granularity = "channel" } = layout;
    const weights = newFloats(
      "float32",
      shape.reduce((a, b) => a * b),
    );
    const tensor = cutFor(runner.engine, extentsOf(shape, axis, granularity), false);
    const [chunk] = Array.from(regionsOf(tensor, chunkElements)).at(-1)?.chunks() ?? [];
    const first = chunk?.offset as number;
    weights[first] = Number.NaN;
    const { source, passes } = sourceOf(weights);
    const { sink } = sinkFor(channelwise.quantize(newFloats("float32", weights.length), { ...layout }));
    const stream = quantizeStream(runner, source, sink, { ...layout, chunkElements });
    await expect(stream).rejects.toMatchObject({ name: "NonFiniteError", index: first });
    // What lies before is known to be finite, and is not read for this.
    const before = passes.subarray(0, first).reduce((a, b) => Math.max(a, b), 0);
    expect(before).toBeLessThanOrEqual(onePass.some(([each]) => each === name) ? 1 : 2);
  });
});

describe("weights that are others when they are read again", () => {
  it.each([Number.NaN, Number.NEGATIVE_INFINITY, 2, 0])("end the stream: %d", async (value) => {
    const weights = uniform("float32", 2 ** 20, 1);
    weights.fill(1, 7 * 2 ** 17, 7 * 2 ** 17 + 1);
    for (const layout of [{ shape: [1024, 1024], axis: 1 }, { shape: [2 ** 20], granularity: "tensor" } as const]) {
      for (const heldElements of [0, 4 * chunkElements]) {
        const { source, passes } = sourceOf(weights);
        const read = async (start: number, count: number) => {
          const some = await source.read(start, count);
          const at = 7 * 2 ** 17 - start;
          if (at >= 0 && at < count && passes[7 * 2 ** 17] > 1) some[at] = value;
          return some;
        };
        const { sink } = sinkFor(channelwise.quantize(weights, { ...layout }));
        const stream = quantizeStream(runner, { ...source, read }, sink, { ...layout, chunkElements, heldElements });
        await expect(stream).rejects.toThrow("weights changed while they were quantized");
      }
    }
  });
});

describe("a stream that ends early", () => {
  const weights = uniform("float32", 2 ** 20, 1);
  const layouts: [string, Layout][] = [
    ["in one pass", { shape: [1024, 1024] }],
    ["in two passes", { shape: [1024, 1024], axis: 1 }],
  ];

  /** Begins a stream, and reports every request of source and sink. */
  function begin(layout: Layout, events: { onRead?: () => void; onWrite?: () => void; signal?: AbortSignal }) {
    const { source } = sourceOf(weights);
    const { sink } = sinkFor(channelwise.quantize(weights, { ...layout }));
    let [calls, underWay] = [0, 0];
    const watched =
      <A extends unknown[], R>(hear: (() => void) | undefined, method: (...args: A) => R | Promise<R>) =>
      async (...args: A) => {
        calls++;
        underWay++;
        try {
          hear?.();
          return await method(...args);
        } finally {
          underWay--;
        }
      };
    const outcome = quantizeStream(
      runner,
      { ...source, read: watched(events.onRead, source.read) },
      { quantized: watched(events.onWrite, sink.quantized), scales: watched(undefined, sink.scales) },
      { ...layout, chunkElements, ...(events.signal && { signal: events.signal }) },
    ).catch((error: unknown) => error);
    return { outcome, calls: () => calls, underWay: () => underWay };
  }

  async function expectQuiet({ calls, underWay }: ReturnType<typeof begin>) {
    expect(underWay()).toBe(0);
    const before = calls();
    await new Promise((resolve) => setTimeout(resolve)); // everything that can run has run
    expect(calls()).toBe(before);
  }

  it.each(layouts)("rejects with the signal's reason, %s", async (_, layout) => {
    for (const after of [0, 1, 5, 7]) {
      const controller = new AbortController();
      let reads = 0;
      const stream = begin(layout, {
        signal: controller.signal,
        onRead: () => {
          if (reads++ === after) controller.abort(`enough after ${after}`);
        },
      });
      expect(await stream.outcome).toBe(`enough after ${after}`);
      await expectQuiet(stream);
    }
    const stream = begin(layout, { signal: AbortSignal.abort("too late") });
    expect(await stream.outcome).toBe("too late");
    expect(stream.calls()).toBe(0);
  });

  it.each(layouts)("rejects with what the source throws, %s", async (_, layout) => {
    for (const at of [0, 3, 7]) {
      let reads = 0;
      const failure = new Error("the disk is gone");
      const stream = begin(layout, {
        onRead: () => {
          if (reads++ === at) throw failure;
        },
      });
      expect(await stream.outcome).toBe(failure);
      await expectQuiet(stream);
    }
  });

  it.each(layouts)("rejects with what the sink throws, %s", async (_, layout) => {
    let writes = 0;
    const failure = new Error("the disk is full");
    const stream = begin(layout, {
      onWrite: () => {
        if (writes++ === 2) throw failure;
      },
    });
    expect(await stream.outcome).toBe(failure);
    expect(writes).toBe(3);
    await expectQuiet(stream);
  });
});

it("a source that gives too little is found out", async () => {
  const source: WeightSource = { dtype: "float32", length: 8, read: async () => new Float32Array(7) };
  const { sink } = sinkFor(channelwise.quantize(new Float32Array(8), { shape: [2, 4] }));
  await expect(quantizeStream(runner, source, sink, { shape: [2, 4] })).rejects.toThrow(/read\(0, 8\) has 7 elements/);
  await expect(quantizeStream(runner, source, sink, { shape: [2, 5] })).rejects.toThrow(/shape/);
});
