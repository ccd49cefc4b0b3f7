import { load, type QuantizeOptions } from "channelwise";
import { openModel, planModel } from "channelwise/models";
import { load as loadParallel } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { fileOf } from "./files/safetensors-file.js";
import { loadOracle } from "./oracle.js";
import { type Floats, floatsFrom, floatTypes, randomBits, randomPatterns } from "./random.js";
import { channels, quantizedBy } from "./reference.js";
import { elementsOf, longLayouts, quantizeInChunks, shortLayouts } from "./rule-cases.js";
import { expectSameBits } from "./same-bits.js";
import { searchedScales } from "./search-reference.js";

const channelwise = await load();
const oracle = await loadOracle();
const parallel = await loadParallel({ workers: 2 });
afterAll(() => parallel.close());

/** Roughly normal weights. */
function normal<T extends "float32" | "float64">(type: T, length: number, seed: number): Floats<T> {
  const next = randomBits(seed);
  const uniform = () => next() / 2 ** 32 - 0.5;
  return floatsFrom(type, length, () => uniform() + uniform() + uniform() + uniform());
}

describe.each(floatTypes)("scales by search of %s weights", (type) => {
  it.each([...shortLayouts, ...longLayouts])(
    "are what the law says, as %s, here, on workers and in chunks",
    async (_, layout) => {
      const weights = normal(type, elementsOf(layout), 7);
      const isLong = weights.length > 2 ** 17;
      for (const [scales, bits] of [["search", 4], ...(isLong ? [] : [["positive-search", 3] as const])] as const) {
        const options = { ...layout, bits, scales, dequantize: true, errors: "channel" } as const;
        const result = channelwise.quantize(weights, options);
        const expectedScales = searchedScales(weights, layout, bits, scales === "positive-search");
        const expected = quantizedBy(weights, expectedScales, channels(layout).channelOf, bits);
        expect(result.rule).toBe(scales);
        expectSameBits(result.scales, expectedScales, "scales");
        expectSameBits(result.quantized, expected.quantized, "quantized");
        expectSameBits(result.dequantized, expected.dequantized, "dequantized");
        expect(await parallel.quantize(weights, options)).toEqual(result);
        expectSameBits(oracle.quantize(weights, options).scales, expectedScales, "the oracle's scales");
        const chunks = await quantizeInChunks(channelwise, weights, options);
        expectSameBits(chunks.scales, expectedScales, "scales of chunks");
        // The ranges, two sweeps over trials, that of the errors, and the codes; chunks that are held are read once.
        expect(chunks.reads).toBe(isLong ? 5 : 1);
      }
    },
  );

  it("never have larger errors than the maximum, whatever the magnitudes", () => {
    for (const bits of [2, 3, 4, 5, 6, 7, 8, 9, 16] as const) {
      const weights = randomPatterns(type, 64 * 64, bits);
      for (const scales of ["search", "positive-search"] as const) {
        const options = { shape: [64, 64], bits, scales, errors: "channel" } as const;
        const searched = channelwise.quantize(weights, options);
        const judged = oracle.quantize(weights, options);
        const maximum = channelwise.quantize(weights, { ...options, scales: "max" });
        expectSameBits(searched.scales, judged.scales, "scales");
        expectSameBits(searched.quantized, judged.quantized, "quantized");
        searched.perChannel.mse.forEach((mse, c) => {
          expect(mse).toBeLessThanOrEqual(maximum.perChannel.mse[c] * (1 + 1e-6));
        });
        if (bits > 8) expectSameBits(searched.scales, maximum.scales, "scales of many bits");
      }
    }
  });

  it("gain a decibel and a half at 4 bits in groups of 32", () => {
    const options: QuantizeOptions = { shape: [256, 1024], bits: 4, granularity: { group: 32, along: 1 } };
    const weights = normal(type, 2 ** 18, 3);
    const { sqnr } = channelwise.quantize(weights, options) as { sqnr: number };
    const of = (scales: "search" | "positive-search") =>
      (channelwise.quantize(weights, { ...options, scales }) as { sqnr: number }).sqnr - sqnr;
    expect(of("search")).toBeGreaterThan(1.5);
    expect(of("positive-search")).toBeGreaterThan(0.9);
  });
});

it("keep zeros, single weights and weights that are all alike exact", () => {
  const weights = Float32Array.of(0, 0, 0, 0, 3, 0, 0, 0, -0.7, -0.7, -0.7, -0.7, 5, -5, 5, -5);
  for (const scales of ["search", "positive-search"] as const) {
    const { mse, dequantized } = channelwise.quantize(weights, {
      ...{ shape: [4, 4], bits: 4, scales, dequantize: true },
    });
    expect(mse).toBeLessThan(1e-13);
    expect(dequantized[0]).toBe(0);
  }
});

it("are offered to dialects that take no negative scales if they are positive", async () => {
  const file = fileOf([{ name: "up.weight", dtype: "F32", shape: [32, 64], data: normal("float32", 2048, 1) }]);
  const model = await openModel(file, { name: "model.safetensors" });
  for (const dialect of ["comfyui", "compressed-tensors"] as const) {
    expect(() => planModel(model, { dialect, scales: "search" })).toThrow("scales is search, which may make scales");
    const [decision] = planModel(model, { dialect, scales: "positive-search" }).decisions;
    expect(decision.quantize && decision.scheme.rule).toBe("positive-search");
  }
});
