import { load as loadOneThread, NonFiniteError, type QuantizeOptions, type QuantizeResult } from "channelwise";
import { load } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { type Floats, floatTypes, newFloats, randomPatterns, uniform } from "./random.js";
import type { Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await loadOneThread();
const parallel = await load({ workers: 3 });
afterAll(() => parallel.close());

/** The same array in a SharedArrayBuffer. */
function shared<A extends Floats | Int8Array | Int16Array>(array: A): A {
  const copy = new (array.constructor as new (buffer: SharedArrayBuffer) => A)(new SharedArrayBuffer(array.byteLength));
  copy.set(array as never);
  return copy;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b);

// Half a million weights are some four blocks of the engine, and so chunks for all three workers.
const layouts: [string, Layout][] = [
  ["one weight", { shape: [1, 1] }],
  ["few rows", { shape: [3, 1001] }],
  ["rows", { shape: [501, 1009] }],
  ["many channels of one weight", { shape: [400_001, 1] }],
  ["long rows", { shape: [3, 200_009] }],
  ["columns", { shape: [500, 1009], axis: 1 }],
  ["strips of columns", { shape: [30, 20_011], axis: 1 }],
  ["long rows of columns", { shape: [2, 300_001], axis: -1 }],
  ["a middle axis", { shape: [31, 67, 231], axis: 1 }],
  ["one scale for all", { shape: [600_003], granularity: "tensor" }],
  ["groups along the last axis", { shape: [250, 2048], granularity: { group: 32, along: 1 } }],
  ["groups along the first axis", { shape: [128, 5003], granularity: { group: 16, along: 0 } }],
];

/** Fails unless workers give the results of one thread, to the last bit, with the given arrays to fill. */
async function expectSame(weights: Floats, options: QuantizeOptions, expected: QuantizeResult) {
  const actual: QuantizeResult = await parallel.quantize(weights, options);
  const { quantized, scales, dequantized, perChannel, ...rest } = actual;
  const { quantized: _, scales: __, dequantized: ___, perChannel: ____, ...expectedRest } = expected;
  expect(rest).toEqual(expectedRest);
  expectSameBits(quantized, expected.quantized, "quantized");
  expectSameBits(scales, expected.scales, "scales");
  expect(dequantized === undefined).toBe(expected.dequantized === undefined);
  if (dequantized && expected.dequantized) expectSameBits(dequantized, expected.dequantized, "dequantized");
  expect(perChannel === undefined).toBe(expected.perChannel === undefined);
  for (const name of ["mse", "maxError", "sqnr"] as const) {
    if (perChannel && expected.perChannel) {
      expectSameBits(perChannel[name], expected.perChannel[name], `perChannel.${name}`);
    }
  }
}

// Browsers have other workers and other shared memory than Node, but the same WebAssembly.
const types = typeof window === "undefined" ? floatTypes : (["float32"] as const);

describe.each(types)("workers give the bits of one thread for %s", (type) => {
  it.each(layouts)("%s", async (name, layout) => {
    const weights = randomPatterns(type, product(layout.shape), name.length, 997);
    for (const options of [
      { ...layout },
      { ...layout, errors: "channel", dequantize: true, bits: 4 },
      { ...layout, errors: false, bits: 16 },
    ] satisfies QuantizeOptions[]) {
      const expected: QuantizeResult = channelwise.quantize(weights, options as QuantizeOptions);
      await expectSame(weights, options, expected);
      await expectSame(shared(weights), options, expected);
      expectSameBits(await parallel.dequantize(expected), channelwise.dequantize(expected), "dequantize()");
    }
  });

  it("fills arrays in shared memory in place, and others beside them", async () => {
    const weights = uniform(type, 1_200_000, 1);
    const options: QuantizeOptions = { shape: [300, 4000], axis: 1, dequantize: true, errors: "channel" };
    const expected: QuantizeResult = channelwise.quantize(weights, options);
    const { quantized, dequantized } = expected;
    for (const into of [
      { quantized: shared(quantized as Int8Array).fill(0) },
      { dequantized: shared(dequantized as Floats).fill(0) },
      { quantized: shared(quantized as Int8Array).fill(0), dequantized: shared(dequantized as Floats).fill(0) },
      { quantized: new Int8Array(weights.length), dequantized: newFloats(type, weights.length) },
    ]) {
      await expectSame(weights, { ...options, into }, expected);
      await expectSame(shared(weights), { ...options, into }, expected);
      if (into.quantized) expectSameBits(into.quantized, quantized, "into.quantized");
      if (into.dequantized) {
        expectSameBits(into.dequantized, dequantized as Floats, "into.dequantized");
        into.dequantized.fill(0);
        const codes = shared(quantized as Int8Array);
        await parallel.dequantize({ ...expected, quantized: codes }, { into: { dequantized: into.dequantized } });
        expectSameBits(into.dequantized, dequantized as Floats, "into.dequantized of dequantize()");
      }
    }
  });
});

describe("an asynchronous call", () => {
  it("takes rows, and arrays that are part of others", async () => {
    const weights = uniform("float32", 3000, 2);
    const rows = Array.from({ length: 30 }, (_, r) => weights.subarray(r * 100, (r + 1) * 100));
    await expectSame(rows as never, {}, channelwise.quantize(rows));
    const numbers = rows.map((row) => Array.from(row));
    await expectSame(numbers as never, {}, channelwise.quantize(numbers));
    const part = weights.subarray(7, 1007);
    await expectSame(part, { shape: [10, 100] }, channelwise.quantize(part, { shape: [10, 100] }));
  });

  it("leaves the weights as they are", async () => {
    const weights = uniform("float32", 500_000, 3);
    const before = weights.slice();
    await parallel.quantize(weights, { shape: [500, 1000] });
    expectSameBits(weights, before, "weights");
  });

  it("runs beside others", async () => {
    const inputs = [1, 2, 3, 4, 5].map((seed) => uniform(seed % 2 ? "float32" : "float64", 400_000, seed));
    const options = { shape: [400, 1000], axis: 1, errors: "channel" } as const;
    await Promise.all(
      inputs.map((weights) => expectSame(weights, options, channelwise.quantize(weights, options) as QuantizeResult)),
    );
  });

  it("rejects wrong arguments as the synchronous one throws them, and wrong ones of its own", async () => {
    const weights = new Float32Array(6);
    const call = (options: unknown) => parallel.quantize(weights, options as { shape: number[] });
    await expect(call({ shape: [2, 4] })).rejects.toThrow(
      new RangeError("shape [2, 4] has 8 elements, but the array has 6"),
    );
    await expect(call({ shape: [94906267, 94906267] })).rejects.toThrow(/ has more than 2\^53 elements, but/);
    await expect(call({ shape: [2, 3], bit: 4 })).rejects.toThrow(/options has no "bit"; it has .*signal, onProgress/);
    await expect(call({ shape: [2, 3], signal: {} })).rejects.toThrow("signal must be an AbortSignal, not an object");
    await expect(call({ shape: [2, 3], onProgress: 1 })).rejects.toThrow("onProgress must be a function, not 1");
    await expect(parallel.dequantize({ quantized: weights } as never)).rejects.toThrow(/quantized must be/);
    expect(() => channelwise.quantize(weights, { shape: [2, 3], onProgress: () => {} } as never)).toThrow(/onProgress/);
    for (const [options, message] of [
      [{ workers: 0 }, "workers is 0; it must be an integer from 1 to 64"],
      [{ workers: "2" }, 'workers must be a number, not "2"'],
      [{ createWorker: {} }, "createWorker must be a function, not an object"],
      [{ worker: 1 }, 'options has no "worker"; it has workers, createWorker, wasm'],
    ] as const) {
      await expect(load(options as never)).rejects.toThrow(message);
    }
  });

  it.each([0, 499_999])("names the weight %i that is not finite, and can be made again", async (index) => {
    for (const layout of [{ shape: [500, 1000] }, { shape: [500, 1000], axis: 1 }]) {
      const weights = uniform("float32", 500_000, 4);
      const value = weights[index];
      weights[index] = Number.NaN;
      const error = await parallel.quantize(weights, layout).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(NonFiniteError);
      expect((error as NonFiniteError).index).toBe(index);
      weights[index] = value;
      await expectSame(weights, layout, channelwise.quantize(weights, layout));
    }
  });

  it.each([
    ["in one pass", { shape: [1000, 1000] }],
    ["in two passes", { shape: [1000, 1000], axis: 1 }],
  ] as const)("tells how far it is, %s", async (_, layout) => {
    const weights = uniform("float32", 1_000_000, 5);
    const told: number[] = [];
    const onProgress = (done: number, total: number) => {
      expect(total).toBe(1_000_000);
      told.push(done);
    };
    const result = await parallel.quantize(weights, { ...layout, onProgress });
    expect(told.length).toBeGreaterThan(3);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(1_000_000);
    told.length = 0;
    await parallel.dequantize(result, { onProgress });
    expect(told.length).toBeGreaterThan(3);
    expect(told.at(-1)).toBe(1_000_000);
  });

  it("ends when its signal does, with nothing written any more, and can be made again", async () => {
    const weights = shared(uniform("float32", 4_000_000, 6));
    const quantized = shared(new Int8Array(weights.length));
    for (const layout of [{ shape: [4000, 1000] }, { shape: [4000, 1000], axis: 1 }]) {
      const controller = new AbortController();
      const reason = new Error("the user has gone");
      quantized.fill(99);
      const call = parallel.quantize(weights, {
        ...layout,
        into: { quantized },
        signal: controller.signal,
        onProgress: () => controller.abort(reason),
      });
      expect(await call.catch((error: unknown) => error)).toBe(reason);
      const left = quantized.slice();
      expect(left.includes(99)).toBe(true); // it ended early
      // When this call ends, the workers have finished all earlier tasks.
      await parallel.quantize(weights, layout);
      expectSameBits(quantized, left, "what was written");
      await expectSame(weights, { ...layout, into: { quantized } }, channelwise.quantize(weights, layout));
    }
    await expect(parallel.quantize(weights, { shape: [4000, 1000], signal: AbortSignal.abort("late") })).rejects.toBe(
      "late",
    );
  });

  it("rejects with what its progress callback throws, and can be made again", async () => {
    const weights = uniform("float32", 1_000_000, 7);
    const options = { shape: [1000, 1000] };
    const failure = new Error("no such element");
    const onProgress = () => {
      throw failure;
    };
    await expect(parallel.quantize(weights, { ...options, onProgress })).rejects.toBe(failure);
    await expectSame(weights, options, channelwise.quantize(weights, options));
  });
});

describe("close()", () => {
  it("rejects what is under way and what comes later", async () => {
    const own = await load({ workers: 2 });
    expect(own.workers).toBe(2);
    const weights = uniform("float32", 4_000_000, 8);
    const call = own.quantize(weights, { shape: [4000, 1000] });
    const rejected = expect(call).rejects.toThrow(/was closed/);
    own.close();
    await rejected;
    await expect(own.quantize(weights, { shape: [4000, 1000] })).rejects.toThrow(/was closed/);
    own.close();
  });
});
