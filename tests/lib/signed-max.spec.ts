import { load, type QuantizeOptions } from "channelwise";
import { openModel, planModel } from "channelwise/models";
import { load as loadParallel } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { fileOf } from "./files/safetensors-file.js";
import { loadOracle } from "./oracle.js";
import { allBits, type Floats, floatTypes, randomPatterns, uniform } from "./random.js";
import { channels, type Layout, quantizedBy } from "./reference.js";
import { elementsOf, longLayouts, shortLayouts } from "./rule-cases.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();
const oracle = await loadOracle();
const parallel = await loadParallel({ workers: 2 });
afterAll(() => parallel.close());

/**
 * The rule written out again: the first weight of the largest magnitude, a positive one before a negative, divided by
 * qmin.
 */
function scalesOf(weights: Floats, layout: Layout, bits: number): Floats {
  const { scaleShape, channelOf } = channels(layout);
  const length = scaleShape.reduce((a, b) => a * b, 1);
  const largest: Floats = weights instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  weights.forEach((weight, i) => {
    const before = largest[channelOf(i)];
    const wins = Math.abs(weight) > Math.abs(before) || (Math.abs(weight) === Math.abs(before) && weight > before);
    if (wins) largest[channelOf(i)] = weight;
  });
  return largest.map((weight) => weight / -(2 ** (bits - 1)) || 1) as Floats;
}

describe.each(floatTypes)("the signed maximum of %s weights", (type) => {
  it.each([...shortLayouts, ...longLayouts])(
    "is what the rule says, as %s, here, on workers and in the oracle",
    async (_, layout) => {
      const weights = uniform(type, elementsOf(layout), 7);
      for (const bits of [2, 4, 8, 9]) {
        const options = { ...layout, bits, scales: "signed-max", dequantize: true, errors: "channel" } as const;
        const result = channelwise.quantize(weights, options);
        const scales = scalesOf(weights, layout, bits);
        const expected = quantizedBy(weights, scales, channels(layout).channelOf, bits);
        expect(result.rule).toBe("signed-max");
        expect(scales.some((scale) => scale < 0) || scales.length === 1).toBe(true);
        expectSameBits(result.scales, scales, "scales");
        expectSameBits(result.quantized, expected.quantized, "quantized");
        expectSameBits(result.dequantized, expected.dequantized, "dequantized");
        const elsewhere = await parallel.quantize(weights, options);
        expect(elsewhere).toEqual(result);
        const judged = oracle.quantize(weights, options);
        expectSameBits(judged.scales, scales, "the oracle's scales");
        expectSameBits(judged.quantized, expected.quantized, "the oracle's codes");
      }
    },
  );

  it("equals the oracle for magnitudes of any size", () => {
    for (const bits of allBits) {
      const weights = randomPatterns(type, 64 * 64, bits);
      const options: QuantizeOptions = { shape: [64, 64], bits, scales: "signed-max", dequantize: true };
      const [actual, expected] = [channelwise.quantize(weights, options), oracle.quantize(weights, options)];
      expectSameBits(actual.scales, expected.scales, "scales");
      expectSameBits(actual.quantized, expected.quantized, "quantized");
    }
  });

  it("uses the least code: of 2 bits, the largest weight and its half are exact", () => {
    const weights = type === "float32" ? Float32Array.of(-4, 2, 0, -2) : Float64Array.of(4, -2, 0, 2);
    const { quantized, scales, sqnr } = channelwise.quantize(weights, { shape: [1, 4], bits: 2, scales: "signed-max" });
    expect([...quantized]).toEqual([-2, 1, 0, -1]);
    expect(scales[0]).toBe(type === "float32" ? 2 : -2);
    expect(sqnr).toBe(Infinity);
  });
});

it("is refused under another name", () => {
  const weights = new Float32Array(4);
  const options = { shape: [1, 4], scales: "signedmax" as "max" };
  expect(() => channelwise.quantize(weights, options)).toThrow(
    new TypeError('scales must be one of "max", "signed-max", "search", "positive-search", not "signedmax"'),
  );
});

describe("dialects", () => {
  const file = fileOf([{ name: "up.weight", dtype: "F32", shape: [32, 64], data: uniform("float32", 2048, 1) }]);

  it.each([
    ["comfyui", "ComfyUI"],
    ["compressed-tensors", "vLLM"],
    ["compressed-tensors-w8a8", "vLLM"],
  ] as const)("%s, whose reader takes no negative scales, refuses them", async (dialect, reader) => {
    const model = await openModel(file, { name: "model.safetensors" });
    const remedy = "choose another rule, or another dialect";
    expect(() => planModel(model, { dialect, scales: "signed-max" })).toThrow(
      new RangeError(`scales is signed-max, which may make scales negative; ${reader} takes none: ${remedy}`),
    );
    expect(() => planModel(model, { dialect, overrides: { "*": { scales: "signed-max" } } })).toThrow(
      `overrides["*"].scales is signed-max, which may make scales negative`,
    );
    expect(planModel(model, { dialect, scales: "max" }).decisions[0].quantize).toBe(true);
  });

  it.each(["plain", "npz"] as const)("%s takes them", async (dialect) => {
    const model = await openModel(file, { name: "model.safetensors" });
    const [decision] = planModel(model, { dialect, scales: "signed-max" }).decisions;
    expect(decision.quantize && decision.scheme.rule).toBe("signed-max");
  });
});
