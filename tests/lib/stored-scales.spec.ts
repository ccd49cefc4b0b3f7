// Scales that are rounded to their stored type, with their codes and figures, on one thread and by workers.

import { type Granularity, load, type TotalErrors } from "channelwise";
import { load as loadParallel, type ParallelChannelwise } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { quantizeStream } from "../../dist/stream/quantize-stream.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { type Floats, floatsFrom, newFloats, randomBits, randomPatterns } from "./random.js";
import { channels, type Layout, reference, type ScaleType } from "./reference.js";
import { expectSameBits, expectSameDouble } from "./same-bits.js";

const channelwise = await load();
const workers: ParallelChannelwise[] = await Promise.all([1, 3].map((count) => loadParallel({ workers: count })));
afterAll(() => {
  for (const each of workers) each.close();
});

const product = (numbers: readonly number[]) => numbers.reduce((a, b) => a * b, 1);

/** Streams weights and keeps the results. */
async function streamed(
  by: typeof channelwise | ParallelChannelwise,
  weights: Floats,
  options: Layout & { bits: number; scaleType: ScaleType },
) {
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const quantized = options.bits > 8 ? new Int16Array(weights.length) : new Int8Array(weights.length);
  const dequantized = newFloats(type, weights.length);
  const { bits, ...layout } = options;
  const scaleCount = product(channels(layout).scaleShape);
  const scales = newFloats(type, scaleCount);
  const maxErrors = new Float64Array(scaleCount);
  const figures = await quantizeStream(
    runnerOf(by),
    { dtype: type, length: weights.length, read: async (start, count) => weights.slice(start, start + count) },
    {
      quantized: (start, codes) => quantized.set(codes, start),
      dequantized: (start, values) => dequantized.set(values, start),
      scales: (start, values) => scales.set(values, start),
      perChannel: (start, errors) => maxErrors.set(errors.maxError, start),
    },
    { ...layout, bits: bits as 8, errors: "channel", chunkElements: 2 ** 17 },
  );
  return { quantized, dequantized, scales, maxErrors, figures: figures as typeof figures & TotalErrors };
}

async function expectStored(weights: Floats, options: Layout & { bits: number; scaleType: ScaleType }) {
  const expected = reference(weights, options, options.bits, options.scaleType);
  const actual = await streamed(channelwise, weights, options);
  expectSameBits(actual.scales, expected.scales, "scales");
  expectSameBits(actual.quantized, expected.quantized, "quantized");
  expectSameBits(actual.dequantized, expected.dequantized, "dequantized");
  expectSameBits(actual.maxErrors, expected.maxErrors, "maxErrors");
  const { mse, maxError, sqnr } = actual.figures;
  const errors = weights.map((weight, i) => weight - expected.dequantized[i]);
  const noise = sumOfSquares(errors);
  expect(Math.abs(mse - noise / weights.length)).toBeLessThanOrEqual(1e-6 * mse);
  expect(Math.abs(sqnr - 10 * Math.log10(sumOfSquares(weights) / noise))).toBeLessThanOrEqual(1e-5);
  const largest = expected.maxErrors.reduce((a, b) => Math.max(a, b));
  expectSameDouble(maxError, largest, "maxError");
  return actual;
}

/** A sum in float64, which holds the squares of all errors here. */
function sumOfSquares(numbers: Floats): number {
  let sum = 0;
  for (const x of numbers) sum += x * x;
  return sum;
}

const groups = (group: number, along: number): Granularity => ({ group, along });

/** In one pass and in two, with every way in which scales belong to weights. */
const layouts: Layout[] = [
  { shape: [700, 301] },
  { shape: [2, 140_007] },
  { shape: [900, 301], axis: 1 },
  { shape: [40, 67, 61], axis: 1 },
  { shape: [200_001], granularity: "tensor" },
  { shape: [300, 640], granularity: groups(32, 1) },
  { shape: [128, 1503], granularity: groups(16, 0) },
];

/**
 * Weights for scales that a half holds, and beyond on either side: scales that round down, to subnormals and to 0, and
 * scales that are too large.
 */
function weightsFor(scaleType: ScaleType, length: number, seed: number): Float32Array<ArrayBuffer> {
  if (scaleType === "bfloat16") return randomPatterns("float32", length, seed, 61, 6);
  const next = randomBits(seed);
  let exponent = 0;
  return floatsFrom("float32", length, (i) => {
    if (i % 61 === 0) exponent = (next() % 46) - 29;
    return (next() / 2 ** 31 - 1) * 2 ** exponent;
  });
}

describe.each(["float16", "bfloat16"] as const)("scales stored as %s", (scaleType) => {
  it.each(layouts)("are what everything is made of, however many workers make it: %j", async (layout) => {
    const bits = layout.shape[0] % 3 === 0 ? 4 : 8;
    const weights = weightsFor(scaleType, product(layout.shape), bits);
    const options = { ...layout, bits, scaleType };
    const alone = await expectStored(weights, options);
    for (const each of workers) {
      const together = await streamed(each, weights, options);
      expect(together.figures).toEqual(alone.figures);
      for (const name of ["scales", "quantized", "dequantized", "maxErrors"] as const) {
        expectSameBits(together[name], alone[name], `${name} by ${each.workers} workers`);
      }
    }
  });

  it.each([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])(
    "take no weight to infinity at %i bits",
    async (bits) => {
      const largest = scaleType === "float16" ? 65504 : (2 - 2 ** -7) * 2 ** 127;
      const next = randomBits(bits);
      const rows = 300;
      const weights = floatsFrom("float32", rows * 4, (i) => {
        if (i % 4 > 1) return (next() / 2 ** 31 - 1) * largest;
        return (i % 2 === 0 ? largest : -largest) * (1 - Math.floor(i / 4) * 2 ** -12);
      });
      const { dequantized } = await expectStored(weights, { shape: [rows, 4], bits, scaleType });
      const infinity = scaleType === "float16" ? 65520 : Number.POSITIVE_INFINITY;
      expect(dequantized.every((value) => Math.abs(value) < infinity)).toBe(true);
    },
  );
});

describe("scales of float64 weights stored as float32", () => {
  it.each(layouts)("are what everything is made of: %j", async (layout) => {
    const next = randomBits(1);
    let exponent = 0;
    const weights = floatsFrom("float64", product(layout.shape), (i) => {
      if (i % 61 === 0) exponent = (next() % 250) - 140;
      return (next() / 2 ** 31 - 1) * 2 ** exponent;
    });
    await expectStored(weights, { ...layout, bits: 8, scaleType: "float32" });
  });
});
