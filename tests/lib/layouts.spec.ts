import { load } from "channelwise";
import fc from "fast-check";
import { describe, it } from "vitest";
import { expectReference } from "./expect-reference.js";
import { allBits, codeWidths, floatTypes, randomPatterns, ties, uniform } from "./random.js";
import type { Layout } from "./reference.js";

const channelwise = await load();

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function expectAllTypes(layout: Layout, bits = 8, seed = 1) {
  for (const type of floatTypes) {
    expectReference(channelwise, randomPatterns(type, size(layout.shape), seed), layout, bits);
  }
}

/** Lengths up to several steps of any kernel, with every remainder. */
const lengths = Array.from({ length: 65 }, (_, i) => i + 1);

describe("every length up to several steps of the kernels", () => {
  it.each(codeWidths)("of a row, alone and among others, at $width bits", ({ bitsFor }) => {
    for (const length of lengths) {
      const bits = bitsFor(length);
      expectAllTypes({ shape: [1, length] }, bits, length);
      expectAllTypes({ shape: [3, length] }, bits, length);
    }
  });

  it.each(codeWidths)("of columns, in one row and in several, at $width bits", ({ bitsFor }) => {
    for (const length of lengths) {
      const bits = bitsFor(length);
      expectAllTypes({ shape: [1, length], axis: 1 }, bits, length);
      expectAllTypes({ shape: [11, length], axis: 1 }, bits, length);
    }
  });

  it.each(codeWidths)("of rows behind a middle axis, at $width bits", ({ bitsFor }) => {
    for (const length of lengths) {
      const bits = bitsFor(length);
      for (const channels of [1, 2, 17]) expectAllTypes({ shape: [3, channels, length], axis: 1 }, bits, length);
    }
  });

  it.each(codeWidths)("with one scale for all, at $width bits", ({ bitsFor }) => {
    for (const length of lengths) expectAllTypes({ shape: [length], granularity: "tensor" }, bitsFor(length), length);
  });

  it.each(codeWidths)("of groups, at $width bits", ({ bitsFor }) => {
    for (const group of lengths) {
      const bits = bitsFor(group);
      expectAllTypes({ shape: [3, 2 * group], granularity: { group, along: 1 } }, bits, group);
      expectAllTypes({ shape: [2 * group, 5], granularity: { group, along: 0 } }, bits, group);
      expectAllTypes({ shape: [2, 3 * group, 4], granularity: { group, along: 1 } }, bits, group);
    }
  });

  it("where the weights begin anywhere in memory", () => {
    for (const type of floatTypes) {
      const weights = randomPatterns(type, 200, 2);
      for (let start = 0; start < 16; start++) {
        expectReference(channelwise, weights.subarray(start, start + 3 * 37), { shape: [3, 37] });
      }
    }
  });
});

describe("ties", () => {
  it.each(allBits)("are rounded to even everywhere in a tile at %i bits", (bits) => {
    for (const type of floatTypes) {
      for (const run of [7, 16, 33]) {
        const weights = ties(type, run * 60, bits, bits + run, run);
        expectReference(channelwise, weights, { shape: [60, run] }, bits);
      }
    }
  });
});

/** Shapes of up to five dimensions and some thousand elements. */
const shapes = fc
  .array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  .filter((shape) => size(shape) <= 8000);

/** A shape and an axis or granularity that fits it, counted from either end. */
const layouts: fc.Arbitrary<Layout> = shapes.chain((shape) =>
  fc.integer({ min: -shape.length, max: shape.length - 1 }).chain((dimension) => {
    const length = shape.at(dimension) as number;
    const divisors = Array.from({ length }, (_, i) => i + 1).filter((group) => length % group === 0);
    return fc.oneof(
      fc.constant<Layout>({ shape, axis: dimension }),
      fc.constant<Layout>({ shape, granularity: "tensor" }),
      fc.constantFrom(...divisors).map<Layout>((group) => ({ shape, granularity: { group, along: dimension } })),
    );
  }),
);

/** Weights made from a seed, so that fast-check has little to shrink. */
const kinds = {
  uniform,
  patterns: (type: "float32" | "float64", length: number, seed: number) => randomPatterns(type, length, seed, 13),
  anyPatterns: (type: "float32" | "float64", length: number, seed: number) =>
    randomPatterns(type, length, seed, length, type === "float32" ? 254 : 2046),
};

describe("any axis, one scale for all and groups", () => {
  it.each(floatTypes)("of %s weights in shapes of one to five dimensions", (type) => {
    const property = fc.property(
      layouts,
      fc.constantFrom(...allBits),
      fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])),
      fc.nat(),
      (layout, bits, kind, seed) => {
        expectReference(channelwise, kinds[kind](type, size(layout.shape), seed), layout, bits);
      },
    );
    fc.assert(property, { seed: 20_02, numRuns: 1500 });
  });
});
