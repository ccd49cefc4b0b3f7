import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { type ExactFigures, exactFigures } from "./exact-figures.js";
import {
  type Floats,
  type FloatType,
  floatsFrom,
  floatTypes,
  newFloats,
  randomBits,
  randomPatterns,
  uniform,
} from "./random.js";
import { type Layout, reference } from "./reference.js";
import { expectSameBits, expectSameDouble } from "./same-bits.js";

const channelwise = await load();

/** The largest relative difference of a sum from the exact one. */
const tolerance = { float32: 1e-6, float64: 1e-12 };

function expectFigures(actual: ExactFigures, exact: ExactFigures, type: FloatType, what = "") {
  const mseLimit = tolerance[type] * exact.mse + Number.MIN_VALUE; // the last conversion may underflow
  if (actual.mse !== exact.mse)
    expect(Math.abs(actual.mse - exact.mse), `mse ${actual.mse}, exactly ${exact.mse} ${what}`).toBeLessThanOrEqual(
      mseLimit,
    );
  // Two sums are each off by the tolerance. The logarithm itself is exact to a few last bits.
  const sqnrLimit = 2 * 4.35 * tolerance[type] + 1e-14 * Math.abs(exact.sqnr);
  if (actual.sqnr !== exact.sqnr)
    expect(
      Math.abs(actual.sqnr - exact.sqnr),
      `sqnr ${actual.sqnr}, exactly ${exact.sqnr} ${what}`,
    ).toBeLessThanOrEqual(sqnrLimit);
}

/** Checks every figure of a quantization, of all weights and per channel. */
function check(weights: Floats, layout: Layout, bits = 8) {
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const result = channelwise.quantize(weights, { ...layout, bits, errors: "channel" });
  const { dequantized, maxErrors, channelOf, scales } = reference(weights, layout, bits);

  // Sums for totals alone take another path than those of channels, and so may those with values.
  const total = channelwise.quantize(weights, { ...layout, bits });
  const totalWithValues = channelwise.quantize(weights, { ...layout, bits, dequantize: true });
  const exact = exactFigures(weights, dequantized);
  for (const figures of [result, total, totalWithValues]) {
    expectFigures(figures, exact, type);
    expectSameDouble(figures.maxError, Math.max(...maxErrors), "maxError");
  }

  expectSameBits(result.perChannel.maxError, maxErrors, "perChannel.maxError");
  const members = Array.from(scales, () => ({ weights: [] as number[], dequantized: [] as number[] }));
  weights.forEach((weight, i) => {
    members[channelOf(i)].weights.push(weight);
    members[channelOf(i)].dequantized.push(dequantized[i]);
  });
  expect(result.perChannel.mse).toHaveLength(scales.length);
  expect(result.perChannel.sqnr).toHaveLength(scales.length);
  members.forEach((member, c) => {
    const actual = { mse: result.perChannel.mse[c], sqnr: result.perChannel.sqnr[c] };
    expectFigures(actual, exactFigures(member.weights, member.dequantized), type, `of channel ${c}`);
  });
  return result;
}

const layouts: [string, Layout][] = [
  ["rows", { shape: [23, 131] }],
  ["columns", { shape: [131, 23], axis: 1 }],
  ["a middle axis", { shape: [7, 23, 19], axis: 1 }],
  ["one scale for all", { shape: [3011], granularity: "tensor" }],
  ["groups along the last axis", { shape: [7, 19 * 23], granularity: { group: 23, along: -1 } }],
  ["groups along the first axis", { shape: [46, 7, 9], granularity: { group: 23, along: 0 } }],
];

describe.each(floatTypes)("error figures of %s weights", (type) => {
  describe.each(layouts)("of %s", (_, layout) => {
    const size = layout.shape.reduce((a, b) => a * b);

    it.each([2, 4, 8, 9, 16])("are the exact ones at %i bits", (bits) => {
      check(uniform(type, size, bits), layout, bits);
    });

    it.each([2, 8, 16])("are the exact ones at every magnitude, at %i bits", (bits) => {
      // Most of the squares under- or overflow, in float64 too.
      check(randomPatterns(type, size, bits, 7), layout, bits);
      check(randomPatterns(type, size, bits, size, 300), layout, bits);
    });

    it("are the exact ones of a million times smaller and larger weights side by side", () => {
      const next = randomBits(1);
      const weights = floatsFrom(type, size, () => (next() / 2 ** 31 - 1) * 10 ** ((next() % 13) - 6));
      check(weights, layout);
    });

    it("have an infinite sqnr where every error is 0", () => {
      const result = check(newFloats(type, size), layout);
      expect(result).toMatchObject({ mse: 0, maxError: 0, sqnr: Infinity });
      expect(result.perChannel.sqnr.every((sqnr) => sqnr === Infinity)).toBe(true);
      const powers = newFloats(type, size).fill(-(2 ** -20));
      expect(check(powers, layout, 2).sqnr).toBe(Infinity);
    });
  });

  it("tell channels that are exact from those that are not", () => {
    const weights = newFloats(type, 12);
    weights.set([127, 1, -5, 0, 127, 0.25, 1, 2, 0, 0, 0, 0]);
    const { perChannel, sqnr } = check(weights, { shape: [3, 4] });
    expect(Array.from(perChannel.sqnr, Number.isFinite)).toEqual([false, true, false]);
    expect(sqnr).toBeLessThan(Infinity);
  });

  it("follow the law of uniform weights: 20 log10(2 qmax) dB", () => {
    const weights = uniform(type, 400_000, 3);
    const sqnr = (bits: number) => channelwise.quantize(weights, { granularity: "tensor", bits }).sqnr;
    expect(sqnr(8)).toBeCloseTo(48.1, 1);
    expect(sqnr(4)).toBeCloseTo(22.92, 1);
    expect(sqnr(2)).toBeCloseTo(6.02, 1);
  });

  it("do not drift over 20 million weights", () => {
    // A repeated pattern has the mean of the pattern. Its length is prime, so that it meets every place of a block.
    const pattern = uniform(type, 9973, 4);
    const repeats = type === "float32" ? 2005 : 1002; // float64 sums are exact enough up to 10^7 elements
    const weights = newFloats(type, pattern.length * repeats);
    for (let i = 0; i < repeats; i++) weights.set(pattern, i * pattern.length);
    for (const shape of [
      [1, weights.length],
      [repeats, pattern.length],
    ]) {
      const { dequantized, maxErrors } = reference(pattern, { shape: [1, pattern.length] });
      const exact = exactFigures(pattern, dequantized);
      for (const result of [
        channelwise.quantize(weights, { shape }),
        channelwise.quantize(weights, { shape, errors: "channel" }),
      ]) {
        expectFigures(result, exact, type);
        expectSameDouble(result.maxError, maxErrors[0], "maxError");
      }
    }
  });

  it("do not drift where every rounding of a sum goes the same way", () => {
    // One square is repeated, beside one weight that sets the scale.
    const next = randomBits(10);
    for (let i = 0; i < 16; i++) {
      const weight = next() / 2 ** 32;
      const weights = newFloats(type, 8192).fill(weight);
      weights[4000] = 1;
      check(weights, { shape: [8192], granularity: "tensor" });
      check(weights, { shape: [1024, 8], axis: 1 });
      check(weights, { shape: [64, 4, 32], axis: 1 });
    }
  });

  it("do not depend on whether the dequantized values are kept", () => {
    const weights = uniform(type, 70_000, 5);
    const options = { shape: [70, 1000], errors: "channel" } as const;
    const { dequantized: _, ...rest } = channelwise.quantize(weights, { ...options, dequantize: true });
    expect(channelwise.quantize(weights, options)).toEqual(rest);
  });
});

describe("error figures at the ends of the range", () => {
  it("of float64 weights whose errors' squares underflow", () => {
    const { sqnr, mse, maxError } = check(Float64Array.of(127, 1e-200), { shape: [2], granularity: "tensor" });
    expect(sqnr).toBeCloseTo(10 * (Math.log10(127 ** 2) + 400), 8);
    expect(mse).toBe(0);
    expect(maxError).toBe(1e-200);
  });

  it("of float32 weights whose errors are subnormal", () => {
    const { sqnr } = check(Float32Array.of(127, 1e-40), { shape: [2], granularity: "tensor" });
    expect(sqnr).toBeCloseTo(10 * (Math.log10(127 ** 2) + 80), 3);
  });

  it("of float64 weights whose squares overflow where those of their errors do not", () => {
    const { sqnr } = check(Float64Array.of(127 * 2 ** 490, 2 ** 479), { shape: [2], granularity: "tensor" });
    expect(sqnr).toBeCloseTo(20 * Math.log10(127 * 2 ** 11), 9);
  });

  it.each([1e300, 1e-300, 1e-310, Number.MAX_VALUE, 1e160, 1e-160])("of float64 weights near %d", (magnitude) => {
    const weights = uniform("float64", 5000, 6).map((x) => x * magnitude);
    const { sqnr } = check(weights, { shape: [5, 1000] });
    expect(sqnr).toBeGreaterThan(40);
    check(weights, { shape: [5, 1000], granularity: { group: 10, along: 1 } }, 16);
  });

  it.each([3e38, 1e-38, 1e-42, 1e19, 1e-19])("of float32 weights near %d", (magnitude) => {
    const weights = uniform("float32", 5000, 7).map((x) => x * magnitude);
    check(weights, { shape: [5, 1000] });
    check(weights, { shape: [5, 1000], granularity: "tensor" }, 12);
  });

  it("where the sum of squares overflows and the mean does not", () => {
    const weights = uniform("float64", 20_000, 8).map((x) => x * 1e156); // squares of errors near 1e307
    const { mse } = check(weights, { shape: [20_000], granularity: "tensor" });
    expect(mse).toBeGreaterThan(1e306);
    expect(mse).toBeLessThan(Infinity);
  });

  it("of channels of very different magnitude, whose total is that of the largest", () => {
    const magnitudes = [1e300, 1, 1e-300, 1e-200, 0];
    const weights = uniform("float64", 5000, 9).map((x, i) => x * magnitudes[Math.floor(i / 1000)]);
    const { perChannel, sqnr } = check(weights, { shape: [5, 1000] });
    expect(sqnr).toBeCloseTo(perChannel.sqnr[0], 6);
    expect(perChannel.sqnr[4]).toBe(Infinity);
    check(Float64Array.from(weights).reverse(), { shape: [5, 1000] });
    check(weights, { shape: [5, 1000], granularity: "tensor" });
  });
});
