// Packed codes in memory: `packed: true`, and dequantize() of its results.

import { load, type QuantizeOptions, type QuantizeResult } from "channelwise";
import { load as loadParallel } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { floatTypes, newFloats, randomPatterns } from "./random.js";
import type { Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();
const parallel = await loadParallel({ workers: 3 });
afterAll(() => parallel.close());

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b);

/** Sizes are odd, so that blocks, panels and chunks begin and end within bytes. */
const layouts: [string, Layout][] = [
  ["one weight", { shape: [1, 1] }],
  ["rows", { shape: [1001, 333] }],
  ["long rows", { shape: [3, 300_001] }],
  ["columns", { shape: [301, 1009], axis: 1 }],
  ["panels of columns", { shape: [7, 20_011], axis: 1 }],
  ["strips of columns", { shape: [70, 20_011], axis: 1 }],
  ["a middle axis", { shape: [41, 67, 33], axis: 1 }],
  ["one scale for all", { shape: [400_003], granularity: "tensor" }],
  ["groups along the last axis", { shape: [77, 15], granularity: { group: 5, along: 1 } }],
  ["groups along the first axis", { shape: [32, 5003], granularity: { group: 16, along: 0 } }],
];

/** Consecutive codes as bits, each split between the byte where it begins and the next. */
function packed(codes: ArrayLike<number>, bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  for (let i = 0; i < codes.length; i++) {
    const [byte, bit] = [(i * bits) >> 3, (i * bits) & 7];
    const field = (codes[i] & (2 ** bits - 1)) << bit;
    bytes[byte] |= field;
    if (field > 255) bytes[byte + 1] |= field >> 8;
  }
  return bytes;
}

const shared = <A extends Uint8Array | Float32Array | Float64Array>(array: A): A => {
  const copy = new (array.constructor as new (buffer: SharedArrayBuffer) => A)(new SharedArrayBuffer(array.byteLength));
  copy.set(array as never);
  return copy;
};

describe.each(floatTypes)("of %s weights", (type) => {
  it.each(layouts)("codes are those of quantize, side by side: %s", async (name, layout) => {
    const weights = randomPatterns(type, product(layout.shape), name.length, 997);
    for (const bits of type === "float32" ? ([2, 3, 4, 7, 8] as const) : ([4, 5] as const)) {
      const { quantized, scales, dequantized, ...rest } = channelwise.quantize(weights, {
        ...layout,
        ...{ bits, dequantize: true },
      });
      const expected = packed(quantized, bits);
      const options = { ...layout, bits, dequantize: true, packed: true } as const;

      const fresh = channelwise.quantize(weights, options);
      expectSameBits(fresh.quantized, expected, "quantized");
      expectSameBits(fresh.scales, scales, "scales");
      expectSameBits(fresh.dequantized, dequantized, "dequantized");
      expect(fresh).toMatchObject(rest);
      expectSameBits(channelwise.dequantize(fresh), dequantized, "dequantize()");

      // The earlier contents of the caller's array do not matter.
      const into = { quantized: new Uint8Array(expected.length + 2).fill(0xa5).subarray(1, -1) };
      const filled = channelwise.quantize(weights, { ...options, into });
      expect(filled.quantized).toBe(into.quantized);
      expectSameBits(into.quantized, expected, "into.quantized");
      expect(new Uint8Array(into.quantized.buffer).at(0)).toBe(0xa5);
      expect(new Uint8Array(into.quantized.buffer).at(-1)).toBe(0xa5);

      if (bits > 4) continue;
      expectSameBits((await parallel.quantize(weights, options)).quantized, expected, "of workers");
      expectSameBits(await parallel.dequantize(fresh), dequantized, "dequantize() of workers");
      const inPlace = { quantized: shared(expected).fill(0xa5) };
      await parallel.quantize(shared(weights), { ...options, into: inPlace });
      expectSameBits(inPlace.quantized, expected, "of workers, in place");
      const source = { ...fresh, quantized: inPlace.quantized };
      expectSameBits(await parallel.dequantize(source), dequantized, "dequantize() of workers, in place");
    }
  });
});

it("a result has a buffer of its own, of half the bytes at 4 bits", () => {
  const result = channelwise.quantize(new Float32Array(6), { shape: [2, 3], bits: 4, packed: true });
  expect(result.quantized).toEqual(new Uint8Array(3));
  expect(result.quantized.buffer.byteLength).toBe(3);
  expect(result).toMatchObject({ bits: 4, shape: [2, 3] });
});

it("rows go on within a byte, and the bits behind the last code are 0", () => {
  const weights = Float32Array.of(7, -1, 2, -7, 3, -7);
  const { quantized, scales } = channelwise.quantize(weights.subarray(0, 3), { shape: [1, 3], bits: 4, packed: true });
  expect([...quantized]).toEqual([0xf7, 0x02]);
  expect([...scales]).toEqual([1]);
  expect([...channelwise.quantize(weights, { shape: [2, 3], bits: 4, packed: true }).quantized]).toEqual([
    0xf7, 0x92, 0x93,
  ]);
});

describe("wrong arguments", () => {
  const weights = Float32Array.of(1, 2, 3, 4, 5, 6);
  const quantize = (options: object) => () => channelwise.quantize(weights, { shape: [2, 3], ...options } as never);
  const whole: QuantizeResult = channelwise.quantize(weights, { shape: [2, 3], bits: 4, packed: true });
  const dequantize = (changes: object) => () => channelwise.dequantize({ ...whole, ...changes } as never);

  it.each<[string, () => unknown, typeof TypeError | typeof RangeError, RegExp]>([
    ["more than 8 bits", quantize({ bits: 9, packed: true }), RangeError, /bits of packed codes is 9.*2 to 8/],
    ["no truth value", quantize({ packed: "yes" }), TypeError, /packed must be true or false, not "yes"/],
    [
      "an array of codes",
      quantize({ bits: 4, packed: true, into: { quantized: new Int8Array(3) } }),
      TypeError,
      /into\.quantized.*Uint8Array.*Int8Array/,
    ],
    [
      "an array that is too long",
      quantize({ bits: 4, packed: true, into: { quantized: new Uint8Array(6) } }),
      RangeError,
      /into\.quantized has 6.*3/,
    ],
    [
      "bytes that are not asked for",
      quantize({ bits: 4, into: { quantized: new Uint8Array(3) } }),
      TypeError,
      /into\.quantized.*Int8Array.*Uint8Array/,
    ],
    ["dequantize: no bits", dequantize({ bits: undefined }), TypeError, /quantized is a Uint8Array; bits must say/],
    ["dequantize: too many bits", dequantize({ bits: 16 }), RangeError, /bits of packed codes is 16.*2 to 8/],
    ["dequantize: too few bytes", dequantize({ quantized: new Uint8Array(2) }), RangeError, /quantized has 2.*\b3\b/],
    ["dequantize: too many bytes", dequantize({ quantized: new Uint8Array(6) }), RangeError, /quantized has 6.*\b3\b/],
    [
      "dequantize: other arrays",
      dequantize({ quantized: new Uint16Array(3) }),
      TypeError,
      /quantized.*Uint8Array.*Uint16Array/,
    ],
  ])("%s", async (_, call, kind, pattern) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(pattern);
  });

  it("are refused before anything is written", async () => {
    const into = { quantized: new Uint8Array(3).fill(99) };
    const options: QuantizeOptions = { shape: [2, 3], bits: 4, packed: true, into };
    expect(() => channelwise.quantize(weights, { ...options, axis: 5 })).toThrow(RangeError);
    await expect(parallel.quantize(weights, { ...options, signal: {} as AbortSignal })).rejects.toThrow(/signal/);
    expect([...into.quantized]).toEqual([99, 99, 99]);
  });

  it("arrays that overlap", () => {
    const { buffer } = weights;
    const into = { quantized: new Uint8Array(buffer as ArrayBuffer, 23, 1) };
    const one = { shape: [1, 2], bits: 4, packed: true, into } as const;
    expect(() => channelwise.quantize(weights.subarray(4), one)).toThrow(/into\.quantized overlaps weights/);
    const bytes = new Uint8Array(24);
    const dequantized = new Float32Array(bytes.buffer);
    const source = { quantized: bytes.subarray(0, 3), scales: Float32Array.of(1, 1), shape: [2, 3], bits: 4 };
    expect(() => channelwise.dequantize(source, { into: { dequantized } })).toThrow(/overlaps quantized/);
  });
});

it("dequantize takes any bytes", () => {
  const quantized = Uint8Array.from({ length: 300 }, (_, i) => (i * 2654435761) >>> 24);
  const scales = newFloats("float32", 1).fill(0.5);
  const codes = Array.from({ length: 600 }, (_, i) => ((quantized[i >> 1] >> (4 * (i & 1))) << 28) >> 28);
  const source = { quantized, scales, shape: [600], granularity: "tensor", bits: 4 } as const;
  expect([...channelwise.dequantize(source)]).toEqual(codes.map((code) => code * 0.5 + 0));
});
