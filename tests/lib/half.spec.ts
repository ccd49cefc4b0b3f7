import { load, NonFiniteError, type QuantizeOptions, type QuantizeResult } from "channelwise";
import { load as loadParallel } from "channelwise/parallel";
import { float16ToFloat32 } from "npyjs";
import { afterAll, describe, expect, it } from "vitest";
import { quantizeStream } from "../../dist/stream/quantize-stream.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { loadOracle } from "./oracle.js";
import { randomBits } from "./random.js";
import type { Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();
const oracle = await loadOracle();
const parallel = await loadParallel({ workers: 2 });
afterAll(() => parallel.close());

const halfTypes = ["float16", "bfloat16"] as const;
type HalfType = (typeof halfTypes)[number];

/** Every number of a format by its definition. float16 is also compared with another library. */
function widened(bits: number, dtype: HalfType): number {
  const [exponentBits, fractionBits] = dtype === "float16" ? [5, 10] : [8, 7];
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? 2 ** (1 - bias) * fraction : 2 ** (exponent - bias) * (1 + fraction));
}

const everyPattern = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
const finitePatterns = (dtype: HalfType) => everyPattern.filter((bits) => Number.isFinite(widened(bits, dtype)));
const asFloat32 = (halves: Uint16Array, dtype: HalfType) => Float32Array.from(halves, (bits) => widened(bits, dtype));

/** Halves of random bits, whose magnitudes are not too far apart. */
function randomHalves(dtype: HalfType, length: number, seed: number): Uint16Array<ArrayBuffer> {
  const next = randomBits(seed);
  const finite = finitePatterns(dtype);
  return Uint16Array.from({ length }, () => finite[next() % finite.length]);
}

it("float16 is what npyjs takes it for", () => {
  for (const bits of finitePatterns("float16")) expect(widened(bits, "float16")).toBe(float16ToFloat32(bits));
});

/** Fails unless both have the same arrays and figures, to the last bit. */
function expectSame(actual: QuantizeResult, expected: QuantizeResult) {
  const { quantized, scales, dequantized, perChannel, ...rest } = actual;
  const { quantized: _, scales: __, dequantized: ___, perChannel: ____, ...expectedRest } = expected;
  expect(rest).toEqual(expectedRest);
  expectSameBits(quantized, expected.quantized, "quantized");
  expectSameBits(scales, expected.scales, "scales");
  if (dequantized && expected.dequantized) expectSameBits(dequantized, expected.dequantized, "dequantized");
  expect(perChannel).toEqual(expected.perChannel);
}

const layouts: [string, Layout][] = [
  ["rows", { shape: [301, 1001] }],
  ["short rows", { shape: [9001, 5] }],
  ["columns", { shape: [301, 1001], axis: 1 }],
  ["a long row", { shape: [1, 300_007] }],
  ["a middle axis", { shape: [11, 67, 331], axis: 1 }],
  ["one scale for all", { shape: [300_007], granularity: "tensor" }],
  ["groups", { shape: [100, 2048], granularity: { group: 32, along: 1 } }],
];

describe.each(halfTypes)("%s weights", (dtype) => {
  it("are widened exactly, every one of them", () => {
    const halves = finitePatterns(dtype);
    // At 2 bits, the scale of a channel of one weight is its magnitude, and the code its sign.
    const result = channelwise.quantize(halves, { dtype, shape: [halves.length, 1], bits: 2, dequantize: true });
    const expected = asFloat32(halves, dtype).map((weight) => weight + 0); // -0 becomes +0
    expectSameBits(result.dequantized, expected, "dequantized");
    expect(result).toMatchObject({ mse: 0, maxError: 0, sqnr: Infinity });
  });

  it.each(layouts)("give what float32 weights of the same values give: %s", async (_, layout) => {
    const length = layout.shape.reduce((a, b) => a * b);
    const halves = randomHalves(dtype, length, 1);
    const wide = asFloat32(halves, dtype);
    for (const options of [
      { ...layout },
      { ...layout, errors: "channel", dequantize: true, bits: 4 },
      { ...layout, errors: false, bits: 16 },
    ] as QuantizeOptions[]) {
      const expected: QuantizeResult = channelwise.quantize(wide, options);
      expectSame(channelwise.quantize(halves, { ...options, dtype }), expected);
      expectSame(await parallel.quantize(halves, { ...options, dtype }), expected);
      const quantized = expected.quantized.slice().fill(99);
      const { signal: __, dequantize: ___, ...streamed } = { signal: undefined, ...options };
      await quantizeStream(
        runner,
        { dtype, length, read: async (start, count) => halves.slice(start, start + count) },
        { quantized: (start, codes) => quantized.set(codes, start), scales: () => {} },
        { ...streamed, shape: layout.shape, chunkElements: 2 ** 17 },
      );
      expectSameBits(quantized, expected.quantized, "quantized in a stream");
    }
    const { quantized, scales } = oracle.quantize(halves, { ...layout, dtype });
    const actual = channelwise.quantize(halves, { ...layout, dtype });
    expectSameBits(actual.quantized, quantized, "quantized, by the oracle");
    expectSameBits(actual.scales, scales, "scales, by the oracle");
  });

  it("of every length up to several steps", () => {
    for (let length = 1; length <= 40; length++) {
      const halves = randomHalves(dtype, length + 3, length).subarray(3);
      const shape = [1, length];
      expectSame(
        channelwise.quantize(halves, { dtype, shape, errors: "channel" }),
        channelwise.quantize(asFloat32(halves, dtype), { shape, errors: "channel" }),
      );
    }
  });

  it("that are not finite are refused, with their value", async () => {
    const bad = everyPattern.filter((bits) => !Number.isFinite(widened(bits, dtype)));
    const halves = new Uint16Array(700).fill(0x3c00);
    const options = { dtype, shape: [7, 100] };
    for (const bits of bad) {
      halves[345] = bits;
      const error = (() => {
        try {
          channelwise.quantize(halves, options);
        } catch (thrown) {
          return thrown as NonFiniteError;
        }
        return expect.fail(`${bits} was quantized`);
      })();
      expect(error).toBeInstanceOf(NonFiniteError);
      expect([error.index, error.channel, error.value]).toEqual([345, 3, widened(bits, dtype)]);
    }
    await expect(parallel.quantize(halves, options)).rejects.toThrow(/weights\[345\] \(channel 3\) is NaN/);
  });

  it("are left as they are, and arrays to fill must be clear of them", () => {
    const memory = new ArrayBuffer(2000);
    const halves = new Uint16Array(memory, 0, 500).fill(0x3c00);
    const into = { quantized: new Int8Array(memory, 900, 500) };
    expect(() => channelwise.quantize(halves, { dtype, shape: [5, 100], into })).toThrow(
      /into.quantized overlaps weights/,
    );
    channelwise.quantize(halves, { dtype, shape: [5, 100] });
    expect(halves.every((bits) => bits === 0x3c00)).toBe(true);
  });
});

const runner = runnerOf(channelwise);

describe("what the bits are", () => {
  it("must be said of a Uint16Array, and of nothing else", () => {
    const shape = [2, 2];
    const quantize = (weights: unknown, options: unknown) => () =>
      channelwise.quantize(weights as Float32Array, options as QuantizeOptions);
    expect(quantize(new Uint16Array(4), { shape })).toThrow(
      new TypeError('weights is a Uint16Array; dtype: "float16" or dtype: "bfloat16" must say what its bits are'),
    );
    expect(quantize(new Uint16Array(4), { shape, dtype: "float32" })).toThrow(
      new TypeError('dtype must be "float16" or "bfloat16", not "float32"'),
    );
    expect(quantize(new Float32Array(4), { shape, dtype: "float16" })).toThrow(
      new TypeError('dtype is "float16", but weights is Float32Array; it is for the bits in a Uint16Array'),
    );
    expect(quantize([[1, 2]], { dtype: "bfloat16" })).toThrow(/dtype is "bfloat16", but weights is an array/);
    expect(quantize(new Uint16Array(0), { shape, dtype: "float16" })).toThrow(/weights is empty/);
  });
});
