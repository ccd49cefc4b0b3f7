import { load, type QuantizeOptions } from "channelwise";
import { load as loadParallel } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { loadOracle } from "./oracle.js";
import {
  allBits,
  DBL_MAX,
  FLT_MAX,
  type Floats,
  floatsFrom,
  floatTypes,
  randomBits,
  randomPatterns,
} from "./random.js";
import type { Layout } from "./reference.js";
import { elementsOf, longLayouts, quantizeInChunks, shortLayouts } from "./rule-cases.js";
import { expectSameBits } from "./same-bits.js";
import { zeroPointReference } from "./zero-point-reference.js";

const channelwise = await load();
const oracle = await loadOracle();
const parallel = await loadParallel({ workers: 2 });
afterAll(() => parallel.close());

/** Weights of a bell that is not centred, as those of most channels. */
function lopsided<T extends "float32" | "float64">(type: T, length: number, seed: number): Floats<T> {
  const next = randomBits(seed);
  const uniform = () => next() / 2 ** 32 - 0.5;
  return floatsFrom(type, length, () => (uniform() + uniform() + uniform() + 0.7) * (uniform() + 0.7));
}

/** All that a result has is what the law says. */
function expectLaw(weights: Floats, layout: Layout, bits: number, scales: "max" | "search") {
  const options = { ...layout, bits, scales, zeroPoints: true, dequantize: true, errors: "channel" } as const;
  const result = channelwise.quantize(weights, options);
  const expected = zeroPointReference(weights, layout, bits, scales === "search");
  for (const [name, each] of [
    ["the library", result],
    ["the oracle", oracle.quantize(weights, options)],
  ] as const) {
    expectSameBits(each.scales, expected.scales, `scales of ${name}`);
    expectSameBits(each.zeroPoints, expected.zeroPoints, `zero points of ${name}`);
    expectSameBits(each.quantized, expected.quantized, `codes of ${name}`);
    expectSameBits(each.dequantized, expected.dequantized, `values of ${name}`);
  }
  expectSameBits(channelwise.dequantize(result), expected.dequantized, "dequantize()");
  expectSameBits(oracle.dequantize(result), expected.dequantized, "dequantize() of the oracle");
  const errors = Float64Array.from(weights, (weight, i) => Math.abs(weight - expected.dequantized[i]));
  const largest = errors.reduce((a, b) => Math.max(a, b));
  expect(result.maxError).toBe(weights instanceof Float32Array ? Math.fround(largest) : largest);
  return { result, options, expected };
}

describe.each(floatTypes)("zero points of %s weights", (type) => {
  it.each([...shortLayouts, ...longLayouts])(
    "are what the law says, as %s, here, on workers and in chunks",
    async (_, layout) => {
      const weights = lopsided(type, elementsOf(layout), 7);
      const isLong = weights.length > 2 ** 17;
      for (const scales of ["max", "search"] as const) {
        for (const bits of isLong ? [4] : [2, 8, 9]) {
          const { result, options, expected } = expectLaw(weights, layout, bits, scales);
          expect(await parallel.quantize(weights, options)).toEqual(result);
          expectSameBits(await parallel.dequantize(result), expected.dequantized, "dequantize() on workers");
          if (bits <= 8) {
            const packed = channelwise.quantize(weights, { ...options, packed: true });
            expectSameBits(packed.zeroPoints as Int8Array, expected.zeroPoints, "zero points of packed codes");
            expectSameBits(channelwise.dequantize(packed), expected.dequantized, "values of packed codes");
            expectSameBits(await parallel.dequantize(packed), expected.dequantized, "and on workers");
          }
          const chunks = await quantizeInChunks(channelwise, weights, options);
          expectSameBits(chunks.scales, expected.scales, "scales of chunks");
          expectSameBits(chunks.zeroPoints, expected.zeroPoints, "zero points of chunks");
          expectSameBits(chunks.quantized, expected.quantized, "codes of chunks");
        }
      }
    },
  );

  it.each(allBits)("follow the law for weights of all magnitudes, at %i bits", (bits) => {
    for (const spread of [5, 2046]) {
      const weights = randomPatterns(type, 20 * 48, bits, 48, spread);
      for (const scales of ["max", "search"] as const) expectLaw(weights, { shape: [20, 48] }, bits, scales);
    }
  });

  it.each(allBits)("have the corners of the law, at %i bits", (bits) => {
    const [tiny, huge] = type === "float32" ? [2 ** -149, FLT_MAX] : [2 ** -1074, DBL_MAX];
    const rows: number[][] = [
      [0, -0, 0, 0],
      [3, 3, 3, 3],
      [-0.7, -0.7, -0.7, -0.7],
      [0, 0, 5, 0],
      [0.1, 0.7, 0.3, 0.2],
      [-0.1, -0.7, -0.3, -0.2],
      [7.5, -7.5, 2.5, -0.5],
      [tiny, -tiny, 0, tiny],
      [300 * tiny, -200 * tiny, 7 * tiny, tiny],
      [huge, -huge, huge / 2, 1],
      [huge, 0, 1, huge / 3],
      [-huge, -huge / 2, -1, 0],
      [huge, -tiny, 0.5, -1],
      [-huge / 2, huge, 0, 1],
      [5, -5, 5, -5],
      [1, -1e-30, 0.5, 0.25],
    ];
    const weights = floatsFrom(type, rows.length * 4, (i) => rows[i >> 2][i & 3]);
    for (const group of [1, 2, 4]) {
      const layout: Layout = { shape: [rows.length, 4], granularity: { group, along: 1 } };
      for (const scales of ["max", "search"] as const) {
        const { result } = expectLaw(weights, layout, bits, scales);
        expect(result.dequantized.every(Number.isFinite)).toBe(true);
        // 0 has the zero point, and comes back as 0.
        weights.forEach((weight, i) => {
          if (weight !== 0) return;
          expect(result.quantized[i]).toBe(result.zeroPoints[Math.floor(i / group)]);
          expect(Object.is(result.dequantized[i], 0)).toBe(true);
        });
      }
    }
    const zeros = channelwise.quantize(
      floatsFrom(type, 3, () => 0),
      { shape: [1, 3], bits, zeroPoints: true },
    );
    expect([zeros.scales[0], zeros.zeroPoints[0], zeros.quantized[0]]).toEqual([
      1,
      -(2 ** (bits - 1)),
      -(2 ** (bits - 1)),
    ]);
  });

  it("gain more than the maximum, and more with a search", () => {
    const options: QuantizeOptions = { shape: [256, 1024], bits: 4, granularity: { group: 32, along: 1 } };
    const weights = lopsided(type, 2 ** 18, 3);
    const sqnr = (more: QuantizeOptions) =>
      (channelwise.quantize(weights, { ...options, ...more }) as { sqnr: number }).sqnr;
    const ofRange = sqnr({ zeroPoints: true });
    expect(ofRange - sqnr({})).toBeGreaterThan(1.8);
    expect(sqnr({ zeroPoints: true, scales: "search" }) - ofRange).toBeGreaterThan(0.4);
    expect(sqnr({ zeroPoints: true, scales: "positive-search" })).toBe(sqnr({ zeroPoints: true, scales: "search" }));
  });
});

it("fill the caller's arrays", () => {
  const weights = lopsided("float32", 24, 1);
  const zeroPoints = new Int16Array(4);
  const { zeroPoints: filled } = channelwise.quantize(weights, {
    shape: [4, 6],
    bits: 12,
    zeroPoints: true,
    into: { zeroPoints },
  });
  expect(filled).toBe(zeroPoints);
  expectSameBits(zeroPoints, zeroPointReference(weights, { shape: [4, 6] }, 12, false).zeroPoints, "zero points");
  expect(channelwise.quantize(weights, { shape: [4, 6] })).not.toHaveProperty("zeroPoints");
  expect(channelwise.quantize(weights, { shape: [4, 6], zeroPoints: false })).not.toHaveProperty("zeroPoints");
});

it("are refused where they have no meaning", () => {
  const quantize = channelwise.quantize as (weights: unknown, options: object) => unknown;
  const weights = new Float32Array(6);
  const refused = (options: object, message: string) =>
    expect(() => quantize(weights, { shape: [2, 3], ...options })).toThrow(message);
  refused({ zeroPoints: 1 }, "zeroPoints must be true or false, not 1");
  refused(
    { zeroPoints: true, scales: "signed-max" },
    'scales is "signed-max"; with zeroPoints it must be "max" or "search"',
  );
  refused({ into: { zeroPoints: new Int8Array(2) } }, "into.zeroPoints is filled only with zeroPoints: true");
  const into = (zeroPoints: unknown) => ({ zeroPoints: true, into: { zeroPoints } });
  refused(into(new Int8Array(3)), "into.zeroPoints has 3 elements; it must have 2");
  refused(into(new Uint8Array(2)), "into.zeroPoints must be of type Int8Array, not Uint8Array");
  const both = new Int8Array(8);
  refused(
    { zeroPoints: true, into: { quantized: both.subarray(0, 6), zeroPoints: both.subarray(5, 7) } },
    "into.zeroPoints overlaps into.quantized in memory",
  );
  const result = channelwise.quantize(weights, { shape: [2, 3], zeroPoints: true });
  const dequantize = channelwise.dequantize as (source: object, options?: object) => unknown;
  expect(() => dequantize({ ...result, zeroPoints: new Int8Array(3) })).toThrow(
    "zeroPoints has 3 elements; it must have 2",
  );
  expect(() => dequantize({ ...result, zeroPoints: new Int16Array(2) })).toThrow(
    "zeroPoints must be of type Int8Array",
  );
});
