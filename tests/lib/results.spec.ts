import { load, type QuantizeOptions } from "channelwise";
import { describe, expect, it } from "vitest";
import { allBits, floatTypes, newFloats, uniform } from "./random.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();
const weights = uniform("float32", 24, 1);

describe("a result", () => {
  it("has exactly the fields that were asked for", () => {
    const always = ["axis", "bits", "granularity", "quantized", "rule", "scaleShape", "scales", "shape"];
    const total = ["maxError", "mse", "sqnr"];
    const fields = (options: QuantizeOptions) =>
      Object.keys(channelwise.quantize(weights, { shape: [4, 6], ...options })).sort();
    expect(fields({})).toEqual([...always, ...total].sort());
    expect(fields({ errors: "total" })).toEqual([...always, ...total].sort());
    expect(fields({ errors: "channel" })).toEqual([...always, ...total, "perChannel"].sort());
    expect(fields({ errors: false })).toEqual(always);
    expect(fields({ errors: false, dequantize: true })).toEqual([...always, "dequantized"].sort());
    expect(fields({ dequantize: false })).toEqual([...always, ...total].sort());
  });

  it("follows the defaults: axis 0, 8 bits, per channel, total errors", () => {
    const { quantized, ...result } = channelwise.quantize(weights, { shape: [4, 6] });
    expect(result).toMatchObject({
      shape: [4, 6],
      axis: 0,
      bits: 8,
      rule: "max",
      granularity: "channel",
      scaleShape: [4],
    });
    const spelt = {
      shape: [4, 6],
      axis: 0,
      bits: 8,
      scales: "max",
      granularity: "channel",
      errors: "total",
      dequantize: false,
    } as const;
    expect(channelwise.quantize(weights, spelt)).toEqual({ quantized, ...result });
    expect(channelwise.quantize(weights, { ...spelt, into: {} })).toEqual({ quantized, ...result });
  });

  it.each(allBits)("has codes of the right type at %i bits", (bits) => {
    const { quantized, bits: given } = channelwise.quantize(weights, { granularity: "tensor", bits });
    expect(quantized).toBeInstanceOf(bits <= 8 ? Int8Array : Int16Array);
    expect(given).toBe(bits);
    expect(Math.max(...Array.from(quantized, Math.abs))).toBe(2 ** (bits - 1) - 1);
  });

  it.each(floatTypes)("of %s weights has scales and dequantized values of their type", (type) => {
    const options = { shape: [4, 6], dequantize: true, errors: "channel" } as const;
    const { scales, dequantized, perChannel } = channelwise.quantize(uniform(type, 24, 1), options);
    const { constructor: floats } = newFloats(type, 0);
    expect(scales).toBeInstanceOf(floats);
    expect(scales).toHaveLength(4);
    expect(dequantized).toBeInstanceOf(floats);
    expect(dequantized).toHaveLength(24);
    for (const figures of [perChannel.mse, perChannel.maxError, perChannel.sqnr]) {
      expect(figures).toBeInstanceOf(Float64Array);
      expect(figures).toHaveLength(4);
    }
  });

  it("has fresh arrays with buffers of their own, as long as they are", () => {
    for (const rows of [4, 5000]) {
      const options = { shape: [rows, 7], dequantize: true, errors: "channel" } as const;
      const { quantized, scales, dequantized, perChannel } = channelwise.quantize(
        uniform("float32", rows * 7, 1),
        options,
      );
      const arrays = [quantized, scales, dequantized, perChannel.mse, perChannel.maxError, perChannel.sqnr];
      for (const array of arrays) {
        expect(array.buffer).toBeInstanceOf(ArrayBuffer);
        expect(array.buffer.byteLength).toBe(array.length * array.BYTES_PER_ELEMENT);
      }
      expect(new Set(arrays.map((array) => array.buffer)).size).toBe(arrays.length);
    }
  });

  it("is not touched by the next call", () => {
    const options = { shape: [4, 6], dequantize: true, errors: "channel" } as const;
    const first = channelwise.quantize(weights, options);
    const copy = structuredClone(first);
    channelwise.quantize(uniform("float32", 24, 2), options);
    channelwise.dequantize(channelwise.quantize(uniform("float64", 240, 2), { shape: [24, 10] }));
    expect(first).toEqual(copy);
  });

  it("can be sent elsewhere: its arrays are transferable", () => {
    const { quantized, scales } = channelwise.quantize(weights, { shape: [4, 6] });
    const sent = structuredClone({ quantized, scales }, { transfer: [quantized.buffer, scales.buffer] });
    expect(sent.quantized).toHaveLength(24);
    expect(quantized).toHaveLength(0);
  });

  it("leaves weights and options as they were", () => {
    const copy = weights.slice();
    const options = Object.freeze({
      shape: Object.freeze([2, 12]),
      granularity: Object.freeze({ group: 4, along: -1 }),
      into: Object.freeze({}),
    });
    const result = channelwise.quantize(weights, options);
    expectSameBits(weights, copy, "weights");
    result.shape[0] = 99;
    expect(options.shape).toEqual([2, 12]);
  });
});

describe("the shape of scales", () => {
  it.each<[QuantizeOptions, object]>([
    [{ shape: [24] }, { scaleShape: [24], axis: 0, granularity: "channel" }],
    [
      { shape: [4, 6], axis: 1 },
      { scaleShape: [6], axis: 1 },
    ],
    [
      { shape: [4, 6], axis: -1 },
      { scaleShape: [6], axis: 1 },
    ],
    [
      { shape: [4, 6], axis: -2 },
      { scaleShape: [4], axis: 0 },
    ],
    [
      { shape: [2, 3, 2, 2], axis: -3 },
      { scaleShape: [3], axis: 1, shape: [2, 3, 2, 2] },
    ],
    [{ granularity: "tensor" }, { scaleShape: [], axis: undefined, shape: [24], granularity: "tensor" }],
    [
      { granularity: "tensor", shape: [4, 6] },
      { scaleShape: [], axis: undefined, shape: [4, 6] },
    ],
    [
      { shape: [4, 6], granularity: { group: 3, along: -1 } },
      { scaleShape: [4, 2], axis: undefined, granularity: { group: 3, along: 1 } },
    ],
    [
      { shape: [4, 6], granularity: { group: 3 } },
      { scaleShape: [4, 2], axis: undefined, granularity: { group: 3, along: 1 } },
    ],
    [
      { shape: [4, 6], granularity: { group: 2, along: 0 } },
      { scaleShape: [2, 6], axis: undefined, granularity: { group: 2, along: 0 } },
    ],
    [
      { shape: [2, 6, 2], granularity: { group: 6, along: -2 } },
      { scaleShape: [2, 1, 2], granularity: { group: 6, along: 1 } },
    ],
  ])("%j", (options, expected) => {
    const result = channelwise.quantize(weights, options);
    expect(result).toMatchObject(expected);
    expect(result.scales).toHaveLength(result.scaleShape.reduce((a, b) => a * b, 1));
  });
});

describe("weights", () => {
  it("may be shared between threads", () => {
    // Pages that are not isolated have no SharedArrayBuffer constructor, but they do have shared memories.
    const memory = new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 });
    const shared = new Float32Array(memory.buffer, 8, 24);
    shared.set(weights);
    const options = { shape: [4, 6], dequantize: true, errors: "channel" } as const;
    expect(channelwise.quantize(shared, options)).toEqual(channelwise.quantize(weights, options));
  });

  it("give the same whatever was quantized before", () => {
    const options = { shape: [4, 6], errors: "channel" } as const;
    const expected = channelwise.quantize(weights, options);
    for (const length of [1, 100_000, 300_000]) {
      channelwise.quantize(uniform("float64", length, 3), { granularity: "tensor", bits: 16 });
      expect(channelwise.quantize(weights, options)).toEqual(expected);
    }
  });
});
