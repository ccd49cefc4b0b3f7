import { load, type QuantizeInto } from "channelwise";
import { describe, expect, it } from "vitest";
import { floatTypes, newFloats, randomPatterns } from "./random.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();

/** A view into the middle of a buffer, whose other elements must not change. */
function guarded<A extends Int8Array | Int16Array | Float32Array | Float64Array>(
  type: { new (buffer: ArrayBuffer, offset: number, length: number): A; BYTES_PER_ELEMENT: number },
  length: number,
) {
  const size = type.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array((length + 6) * size).fill(0xa5);
  const expectGuards = () => {
    const outside = [...bytes.subarray(0, 3 * size), ...bytes.subarray((length + 3) * size)];
    expect(outside.every((byte) => byte === 0xa5)).toBe(true);
  };
  return { array: new type(bytes.buffer, 3 * size, length), expectGuards };
}

describe.each(floatTypes)("into, with %s weights", (type) => {
  const floats = type === "float32" ? Float32Array : Float64Array;

  it.each([
    { shape: [37, 41] },
    { shape: [37, 41], axis: 1 },
    { shape: [3, 5001, 3], axis: 1 },
    { shape: [2, 150_001] },
    { shape: [37, 42], granularity: { group: 7, along: 1 } },
    { shape: [300_001], granularity: "tensor" },
  ] as const)("fills the caller's arrays and nothing else: %j", (layout) => {
    const weights = randomPatterns(
      type,
      layout.shape.reduce((a: number, b) => a * b, 1),
      1,
    );
    for (const bits of [8, 12]) {
      const options = { ...layout, bits, dequantize: true, errors: "channel" } as const;
      const fresh = channelwise.quantize(weights, options);
      const quantized = guarded<Int8Array | Int16Array>(bits <= 8 ? Int8Array : Int16Array, weights.length);
      const scales = guarded<Float32Array | Float64Array>(floats, fresh.scales.length);
      const dequantized = guarded<Float32Array | Float64Array>(floats, weights.length);
      const figures = [0, 1, 2].map(() => guarded(Float64Array, fresh.scales.length));
      const perChannel = { mse: figures[0].array, maxError: figures[1].array, sqnr: figures[2].array };
      const into = { quantized: quantized.array, scales: scales.array, dequantized: dequantized.array, perChannel };

      const result = channelwise.quantize(weights, { ...options, into });
      expect(result.quantized).toBe(quantized.array);
      expect(result.scales).toBe(scales.array);
      expect(result.dequantized).toBe(dequantized.array);
      expect(result.perChannel.mse).toBe(perChannel.mse);
      expect(result.perChannel.maxError).toBe(perChannel.maxError);
      expect(result.perChannel.sqnr).toBe(perChannel.sqnr);
      expectSameBits(result.quantized, fresh.quantized, "quantized");
      expectSameBits(result.scales, fresh.scales, "scales");
      expectSameBits(result.dequantized, fresh.dequantized, "dequantized");
      expectSameBits(perChannel.mse, fresh.perChannel.mse, "perChannel.mse");
      expectSameBits(perChannel.maxError, fresh.perChannel.maxError, "perChannel.maxError");
      expectSameBits(perChannel.sqnr, fresh.perChannel.sqnr, "perChannel.sqnr");
      for (const { expectGuards } of [quantized, scales, dequantized, ...figures]) expectGuards();
    }
  });

  it("takes some of the arrays and makes the others", () => {
    const weights = randomPatterns(type, 12, 2);
    const fresh = channelwise.quantize(weights, { shape: [3, 4] });
    const scales = newFloats(type, 3);
    const result = channelwise.quantize(weights, { shape: [3, 4], into: { scales } });
    expect(result.scales).toBe(scales);
    expect(result).toEqual(fresh);
  });

  it("takes arrays side by side in one buffer, next to the weights", () => {
    const buffer = new ArrayBuffer(1024);
    const size = floats.BYTES_PER_ELEMENT;
    const weights = new floats(buffer, 0, 12);
    weights.set(randomPatterns(type, 12, 3));
    const into = {
      scales: new floats(buffer, 12 * size, 3),
      dequantized: new floats(buffer, 15 * size, 12),
      quantized: new Int8Array(buffer, 27 * size, 12),
    };
    const expected = channelwise.quantize(weights.slice(), { shape: [3, 4], dequantize: true });
    expect(channelwise.quantize(weights, { shape: [3, 4], dequantize: true, into })).toEqual(expected);
  });

  it("may be shared between threads", () => {
    const memory = new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 });
    const weights = randomPatterns(type, 12, 4);
    const into = {
      quantized: new Int8Array(memory.buffer, 512, 12),
      scales: new floats(memory.buffer, 0, 3),
      dequantized: new floats(memory.buffer, 64, 12),
    };
    const expected = channelwise.quantize(weights, { shape: [3, 4], dequantize: true });
    expect(channelwise.quantize(weights, { shape: [3, 4], dequantize: true, into })).toEqual(expected);
  });
});

describe("into refuses arrays that overlap", () => {
  // Everything in one buffer of 256 elements of 8 bytes. Places are in elements.
  const buffer = new ArrayBuffer(2048);
  const at = (place: number, length: number) => new Float64Array(buffer, 8 * place, length);
  const codesAt = (place: number, length: number) => new Int8Array(buffer, 8 * place, length);
  const weights = at(0, 12);

  function expectRefused(into: QuantizeInto, pattern: RegExp, of: Float64Array | Float64Array[] = weights) {
    at(0, 256).forEach((_, i, all) => {
      all[i] = i;
    });
    const before = new Uint8Array(buffer.slice(0));
    const options = { dequantize: true, errors: "channel", into } as const;
    const call = () =>
      Array.isArray(of) ? channelwise.quantize(of, options) : channelwise.quantize(of, { ...options, shape: [3, 4] });
    expect(call).toThrow(RangeError);
    expect(call).toThrow(pattern);
    expect(new Uint8Array(buffer)).toEqual(before);
  }

  const perChannel = { mse: at(100, 3), maxError: at(110, 3), sqnr: at(120, 3) };

  it.each<[string, QuantizeInto, RegExp]>([
    ["the weights themselves", { dequantized: weights }, /into\.dequantized.*weights/],
    ["a view of the weights", { dequantized: at(0, 12) }, /into\.dequantized.*weights/],
    ["the last weight", { scales: at(11, 3) }, /into\.scales.*weights/],
    ["the last byte of the weights", { quantized: new Int8Array(buffer, 95, 12) }, /into\.quantized.*weights/],
    ["weights, as figures", { perChannel: { ...perChannel, sqnr: at(10, 3) } }, /into\.perChannel\.sqnr.*weights/],
    ["each other: the same array", { scales: at(40, 3), perChannel: { ...perChannel, mse: at(40, 3) } }, /mse.*scales/],
    ["each other: codes and values", { quantized: codesAt(32, 12), dequantized: at(30, 12) }, /dequantized.*quantized/],
    ["each other: one inside the other", { scales: at(25, 3), dequantized: at(20, 12) }, /dequantized.*scales/],
    ["each other: figures", { perChannel: { ...perChannel, sqnr: at(112, 3) } }, /sqnr.*maxError/],
    ["each other: figures and codes", { quantized: codesAt(101, 12), perChannel }, /mse.*quantized/],
  ])("%s", (_, into, pattern) => {
    expectRefused(into, pattern);
  });

  it("the same array given twice", () => {
    const same = at(40, 3);
    expectRefused({ perChannel: { mse: same, maxError: same, sqnr: at(50, 3) } }, /maxError.*mse/);
  });

  it("one of the rows", () => {
    const rows = [at(200, 4), at(210, 4), at(220, 4)];
    expectRefused({ dequantized: at(213, 12) }, /into\.dequantized.*weights/, rows);
    expectRefused({ scales: at(223, 3) }, /into\.scales.*weights/, rows);
  });
});
