// The shipped SIMD kernels are compared with the scalar ones of cpp/core/scalar, both in wasm and driven by the same
// TypeScript.

import { load, type QuantizeOptions } from "channelwise";
import { describe, expect, it } from "vitest";
import { cutFor } from "../../dist/core/memory/buffers.js";
import { extentsOf } from "../../dist/core/memory/extents.js";
import { readFigures } from "../../dist/core/memory/figures.js";
import { joinedRows } from "../../dist/core/memory/staging.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { loadOracle } from "./oracle.js";
import {
  allBits,
  codeWidths,
  DBL_MAX,
  FLT_MAX,
  type Floats,
  type FloatType,
  floatsFrom,
  floatTypes,
  newFloats,
  randomBits,
  randomPatterns,
  ties,
} from "./random.js";
import { channels, type Layout, quantizedBy } from "./reference.js";
import { expectSameBits, expectSameDouble } from "./same-bits.js";

const channelwise = await load();
const oracle = await loadOracle();

/** Lengths up to several steps of any kernel, with every remainder. */
const lengths = Array.from({ length: 65 }, (_, i) => i + 1);

/** Two sums may differ by twice the tolerance of one. */
const tolerance = { float32: 2e-6, float64: 2e-12 };

function expectClose(actual: number, expected: number, relative: number, what: string) {
  if (actual === expected) return;
  const limit = relative * Math.abs(expected) + Number.MIN_VALUE;
  if (Math.abs(actual - expected) <= limit) return; // expect() takes longer than a kernel does
  expect(Math.abs(actual - expected), `${what}: ${actual} against ${expected}`).toBeLessThanOrEqual(limit);
}

/** Decibels differ by 4.35 times the relative difference of the two sums. */
function expectCloseDecibels(actual: number, expected: number, relative: number, what: string) {
  if (actual === expected) return;
  const limit = 2 * 4.35 * relative + 1e-14 * Math.abs(expected);
  if (Math.abs(actual - expected) <= limit) return;
  expect(Math.abs(actual - expected), `${what}: ${actual} against ${expected}`).toBeLessThanOrEqual(limit);
}

/** Every choice of outputs, since each may have a kernel of its own. */
const outputs = [false, true].flatMap((dequantize) =>
  ([false, "total", "channel"] as const).map((errors) => ({ dequantize, errors })),
);

function expectOracle(weights: Floats, options: Layout & { bits: number }) {
  const relative = tolerance[weights instanceof Float32Array ? "float32" : "float64"];
  for (const output of outputs) {
    const all: QuantizeOptions = { ...options, ...output };
    const actual = channelwise.quantize(weights, all);
    const expected = oracle.quantize(weights, all);
    expectSameBits(actual.scales, expected.scales, "scales");
    expectSameBits(actual.quantized, expected.quantized, "quantized");
    if (expected.dequantized && actual.dequantized) {
      expectSameBits(actual.dequantized, expected.dequantized, "dequantized");
      expectSameBits(channelwise.dequantize(actual), expected.dequantized, "dequantize()");
      expectSameBits(oracle.dequantize(actual), expected.dequantized, "dequantize() of the oracle");
    }
    if (output.errors !== false) {
      expectSameDouble(actual.maxError as number, expected.maxError as number, "maxError");
      expectClose(actual.mse as number, expected.mse as number, relative, "mse");
      expectCloseDecibels(actual.sqnr as number, expected.sqnr as number, relative, "sqnr");
    }
    if (expected.perChannel && actual.perChannel) {
      const { mse, sqnr } = expected.perChannel;
      expectSameBits(actual.perChannel.maxError, expected.perChannel.maxError, "perChannel.maxError");
      actual.perChannel.mse.forEach((each, c) => {
        expectClose(each, mse[c], relative, `perChannel.mse[${c}]`);
      });
      actual.perChannel.sqnr.forEach((each, c) => {
        expectCloseDecibels(each, sqnr[c], relative, `perChannel.sqnr[${c}]`);
      });
    }
  }
}

const least = { float32: 2 ** -149, float64: 2 ** -1074 };
const largest = { float32: FLT_MAX, float64: DBL_MAX };

type Make = (type: FloatType, length: number, bits: number, seed: number) => Floats;

/** Weights of every kind with special rules. */
const kinds: Record<string, Make> = {
  "random bits": (type, length, _, seed) => randomPatterns(type, length, seed, 7),
  "random bits of all magnitudes": (type, length, _, seed) => randomPatterns(type, length, seed, length, 2046),
  ties: (type, length, bits, seed) => ties(type, length, bits, seed, 5),
  subnormals: (type, length, bits, seed) => {
    const next = randomBits(seed);
    // Scales of zero, one and some units, which underflow, clamp, or are just small.
    const most = 2 ** (bits - 1 + (seed % 4));
    return floatsFrom(type, length, () => ((next() % (2 * most)) - most) * least[type]);
  },
  "the largest numbers": (type, length, _, seed) => {
    const next = randomBits(seed);
    return floatsFrom(type, length, () => [1, -1, 0.5, -0.25][next() % 4] * largest[type]);
  },
  "zeros and small negatives": (type, length, bits, seed) => {
    const next = randomBits(seed);
    const qmax = 2 ** (bits - 1) - 1;
    return floatsFrom(type, length, () => [0, -0, -0.3, 0.5, -0.5, -least[type], qmax][next() % (4 + (seed % 4))]);
  },
};

describe.each(Object.keys(kinds))("the shipped kernels equal the oracle for %s", (kind) => {
  describe.each(floatTypes)("of %s", (type) => {
    it.each(codeWidths)("in rows of every length up to 65, at $width bits", ({ bitsFor }) => {
      for (const length of lengths) {
        const bits = bitsFor(length);
        expectOracle(kinds[kind](type, 3 * length, bits, length), { shape: [3, length], bits });
      }
    });

    it.each(codeWidths)("in columns of every number up to 35, at $width bits", ({ bitsFor }) => {
      for (let width = 1; width <= 35; width++) {
        for (const height of [1, 9]) {
          const bits = bitsFor(width + height);
          expectOracle(kinds[kind](type, height * width, bits, width), { shape: [height, width], axis: 1, bits });
        }
      }
    });

    it.each(codeWidths)("behind a middle axis, per tensor and in groups, at $width bits", ({ bitsFor }) => {
      for (const inner of [1, 3, 15, 16, 17, 33]) {
        const bits = bitsFor(inner);
        const weights = kinds[kind](type, 2 * 6 * inner, bits, inner);
        const shape = [2, 6, inner];
        expectOracle(weights, { shape, axis: 1, bits });
        expectOracle(weights, { shape, granularity: "tensor", bits });
        expectOracle(weights, { shape, granularity: { group: 3, along: 1 }, bits });
        expectOracle(weights, { shape, granularity: { group: inner, along: 2 }, bits });
      }
    });
  });
});

describe.each(floatTypes)("the shipped kernels equal the oracle in large matrices of %s", (type) => {
  it.each<[string, Layout]>([
    ["long rows", { shape: [3, 70_001] }],
    ["many rows", { shape: [5003, 41] }],
    ["many columns", { shape: [41, 5003], axis: 1 }],
    ["tall columns", { shape: [20_011, 10], axis: 1 }],
    ["a middle axis", { shape: [41, 67, 71], axis: 1 }],
    ["short rows behind a middle axis", { shape: [301, 67, 11], axis: 1 }],
    ["one scale", { shape: [200_003], granularity: "tensor" }],
  ])("%s", (_, layout) => {
    const weights = randomPatterns(
      type,
      layout.shape.reduce((a, b) => a * b),
      1,
      997,
    );
    for (const bits of [3, 8, 16]) expectOracle(weights, { ...layout, bits });
  });
});

/** Scales that no rule gives, for a channel with a known largest weight, in the weights' type. */
const kindsOfScales: Record<string, (type: FloatType, largest: number, bits: number, next: () => number) => number> = {
  "of any exponent and sign": (type, _, __, next) => randomPatterns(type, 1, next(), 1, 0)[0],
  subnormal: (type, _, __, next) => ((next() % 40) - 20) * least[type],
  "around what the range needs": (_, largest, bits, next) => (largest / 2 ** (bits - 1)) * (next() / 2 ** 31 - 1) * 2,
  "between two codes for the largest": (_, largest, bits, next) => {
    const scale = largest / (2 ** (bits - 1) - 0.5);
    return (next() % 2 === 0 ? scale : -scale) * (1 + ((next() % 5) - 2) * 2 ** -23);
  },
  "of the signed maximum": (_, largest, bits, next) => (next() % 2 === 0 ? 1 : -1) * (largest / 2 ** (bits - 1)),
  "so large that values become infinite": (type, _, bits, next) =>
    ((next() % 2 === 0 ? 1 : -1) * largest[type]) / (2 ** (bits - 1) - (next() % 2)),
};

/** Runs a task with given scales on both, with every choice of outputs, since each may have a kernel of its own. */
async function expectOracleForScales(weights: Floats, scales: Floats, layout: Layout, bits: number) {
  const dtype = weights instanceof Float32Array ? "float32" : "float64";
  const { shape, axis = 0, granularity = "channel" } = layout;
  const extents = extentsOf(shape, axis, granularity);
  const expected = quantizedBy(weights, scales, channels(layout).channelOf, bits);
  for (const dequantize of [false, true]) {
    for (const figuresOf of ["nothing", "all", "channels"] as const) {
      const [actual, oracles] = await Promise.all(
        [channelwise, oracle].map((each) => {
          const { engine, run } = runnerOf(each);
          return run({
            kind: "quantize",
            dtype,
            part: cutFor(engine, extents, dtype === "float64"),
            scheme: { bits: bits as 8, axis: undefined, granularity: "tensor" },
            figuresOf,
            weights: joinedRows(weights, extents),
            scales: { values: scales, cover: false },
            dequantize,
          });
        }),
      );
      for (const { quantized, dequantized } of [actual, oracles]) {
        expectSameBits(quantized as Int8Array, expected.quantized, "quantized");
        if (dequantize) expectSameBits(dequantized as Floats, expected.dequantized, "dequantized");
      }
      expect(actual.figures.length).toBe(oracles.figures.length);
      const { places } = runnerOf(channelwise).engine;
      for (let at = 0; at < actual.figures.length; at += places.figuresLength) {
        const [own, others] = [actual.figures, oracles.figures].map((figures) => readFigures(places, figures, at, 1));
        expectSameDouble(own.maxError, others.maxError, "maxError");
        expectClose(own.mse, others.mse, tolerance[dtype], "mse");
        expectCloseDecibels(own.sqnr, others.sqnr, tolerance[dtype], "sqnr");
      }
    }
  }
}

describe.each(Object.keys(kindsOfScales))("the shipped kernels equal the oracle and the law for scales %s", (kind) => {
  it.each(floatTypes)("of %s", async (type) => {
    const usable = (scale: number) => {
      const [rounded] = floatsFrom(type, 1, () => scale);
      return rounded === 0 || !Number.isFinite(rounded) ? 1 : rounded;
    };
    for (const [nameOfWeights, make] of Object.entries(kinds)) {
      for (const [i, bits] of allBits.entries()) {
        for (const layout of [
          { shape: [3, 37 + i] },
          { shape: [9, 35], axis: 1 },
          { shape: [2, 6, 15 + (i % 4)], axis: 1 },
          { shape: [6, 64], granularity: { group: 32, along: 1 } },
        ] as Layout[]) {
          const weights = make(
            type,
            layout.shape.reduce((a, b) => a * b),
            bits,
            i,
          );
          const { scaleShape, channelOf } = channels(layout);
          const next = randomBits(i + nameOfWeights.length);
          const most = newFloats(
            type,
            scaleShape.reduce((a, b) => a * b),
          );
          weights.forEach((weight, w) => {
            most[channelOf(w)] = Math.max(most[channelOf(w)], Math.abs(weight));
          });
          const scales = floatsFrom(type, most.length, (c) => usable(kindsOfScales[kind](type, most[c], bits, next)));
          await expectOracleForScales(weights, scales, layout, bits);
        }
      }
    }
  });
});

it.each(floatTypes)("the oracle multiplies as the law says: code 0 gives +0, also with a negative %s scale", (type) => {
  const scales = floatsFrom(type, 2, () => -2);
  for (const each of [channelwise, oracle]) {
    const dequantized = each.dequantize({ quantized: Int8Array.of(0, 3, -3, 0), scales, shape: [2, 2] });
    expectSameBits(
      dequantized,
      floatsFrom(type, 4, (i) => [0, -6, 6, 0][i]),
      "dequantized",
    );
  }
});

describe.each(floatTypes)("any codes and %s scales are multiplied alike", (type) => {
  it("in rows and columns of every length up to 65", () => {
    const next = randomBits(5);
    for (const length of lengths) {
      for (const codes of [Int8Array, Int16Array]) {
        const quantized = new codes(3 * length).map(() => next());
        const inRows = { quantized, scales: randomPatterns(type, 3, length, 1), shape: [3, length] };
        expectSameBits(channelwise.dequantize(inRows), oracle.dequantize(inRows), "rows");
        const scales = randomPatterns(type, length, length, 1);
        const inColumns = { quantized, scales, shape: [3, length], axis: 1 };
        expectSameBits(channelwise.dequantize(inColumns), oracle.dequantize(inColumns), "columns");
      }
    }
  });
});
