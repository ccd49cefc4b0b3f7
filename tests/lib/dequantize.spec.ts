import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { floatTypes, newFloats, randomBits, randomPatterns } from "./random.js";
import { channels, type Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();

const layouts: Layout[] = [
  { shape: [37, 41] },
  { shape: [37, 41], axis: 1 },
  { shape: [41, 3], axis: -1 },
  { shape: [7, 11, 19], axis: 1 },
  { shape: [7, 11, 19], granularity: "tensor" },
  { shape: [12, 11, 10], granularity: { group: 3, along: 0 } },
  { shape: [12, 11, 10], granularity: { group: 5, along: -1 } },
  { shape: [3, 150_001] },
  { shape: [37, 5000], axis: 1 },
  { shape: [5000, 37] },
];

describe.each(floatTypes)("dequantize with %s scales", (type) => {
  it.each(layouts)("gives back what quantize called dequantized: %j", (layout) => {
    const weights = randomPatterns(
      type,
      layout.shape.reduce((a, b) => a * b),
      1,
    );
    for (const bits of [2, 8, 9, 16]) {
      const result = channelwise.quantize(weights, { ...layout, bits, dequantize: true });
      const { quantized, scales, shape, granularity } = result;
      expectSameBits(channelwise.dequantize(result), result.dequantized, "of a result");
      const stored = { quantized, scales, shape, granularity, ...(layout.axis !== undefined && { axis: layout.axis }) };
      expectSameBits(channelwise.dequantize(stored), result.dequantized, "of what was stored");
    }
  });

  it("takes groups along the last dimension when nothing else is said", () => {
    const weights = randomPatterns(type, 12 * 10, 2);
    const { quantized, scales, shape, dequantized } = channelwise.quantize(weights, {
      shape: [12, 10],
      granularity: { group: 5 },
      dequantize: true,
    });
    const source = { quantized, scales, shape, granularity: { group: 5 } };
    expectSameBits(channelwise.dequantize(source), dequantized, "dequantized");
  });

  it.each(layouts)("multiplies any codes and scales, whoever made them: %j", (layout) => {
    const size = layout.shape.reduce((a, b) => a * b);
    const { scaleShape, channelOf } = channels(layout);
    const scales = randomPatterns(
      type,
      scaleShape.reduce((a, b) => a * b, 1),
      2,
      1,
    );
    const next = randomBits(3);
    for (const codes of [Int8Array, Int16Array]) {
      const quantized = new codes(size).map((_, i) => (i % 3 === 0 ? 0 : next()));
      const expected = newFloats(type, size);
      quantized.forEach((code, i) => {
        if (code !== 0) expected[i] = code * scales[channelOf(i)]; // code 0 gives +0, even with a negative scale
      });
      expectSameBits(channelwise.dequantize({ ...layout, quantized, scales }), expected, "dequantized");
    }
  });

  it("takes axis 0 and a scale per channel where nothing is said", () => {
    const scales = newFloats(type, 2);
    scales.set([2, 0.5]);
    const dequantized = channelwise.dequantize({ quantized: Int8Array.of(1, -2, 3, -4), scales, shape: [2, 2] });
    expect(Array.from(dequantized)).toEqual([2, -4, 1.5, -2]);
  });

  it("fills the caller's array and nothing around it", () => {
    const weights = randomPatterns(type, 37 * 41, 4);
    const result = channelwise.quantize(weights, { shape: [37, 41], dequantize: true });
    const around = newFloats(type, weights.length + 2).fill(99);
    const dequantized = around.subarray(1, -1);
    expect(channelwise.dequantize(result, { into: { dequantized } })).toBe(dequantized);
    expectSameBits(dequantized, result.dequantized, "dequantized");
    expect([around[0], around[weights.length + 1]]).toEqual([99, 99]);
  });

  it("gives a fresh array with a buffer of its own", () => {
    const result = channelwise.quantize(randomPatterns(type, 12, 5), { shape: [3, 4] });
    const dequantized = channelwise.dequantize(result);
    expect(dequantized.buffer).toBeInstanceOf(ArrayBuffer);
    expect(dequantized.buffer.byteLength).toBe(dequantized.byteLength);
    expect(channelwise.dequantize(result, {}).buffer).not.toBe(dequantized.buffer);
  });
});
