import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { allBits, DBL_MAX, FLT_MAX, type Floats, floatsFrom, floatTypes, newFloats, randomBits } from "./random.js";
import { reference } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();

/** The smallest positive number of each type. */
const least = { float32: 2 ** -149, float64: 2 ** -1074 };
const largest = { float32: FLT_MAX, float64: DBL_MAX };

/** Quantizes one channel, with everything that `dequantize` and `errors` give. */
function quantizeRow(row: Floats, bits = 8) {
  return channelwise.quantize(row, { shape: [1, row.length], bits, dequantize: true });
}

function row(type: keyof typeof least, values: readonly number[]): Floats {
  const weights = newFloats(type, values.length);
  weights.set(values);
  return weights;
}

describe("division and ties", () => {
  it("divides: the product with the reciprocal would give 105 for the second weight", () => {
    const weights = new Float32Array(Uint32Array.of(0x400356ba, 0x3fd823e4, 0xbfd823e4).buffer);
    expect(Array.from(quantizeRow(weights).quantized)).toEqual([127, 104, -104]);
  });

  it.each(floatTypes)("rounds halves of %s weights to even", (type) => {
    const { scales, quantized, dequantized } = quantizeRow(row(type, [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -127]));
    expect(Array.from(scales)).toEqual([1]);
    expectSameBits(quantized, Int8Array.of(127, 0, 2, 2, 0, -2, -2, -127), "quantized");
    expectSameBits(dequantized, row(type, [127, 0, 2, 2, 0, -2, -2, -127]), "dequantized");
  });

  it.each(floatTypes)("rounds every half of %s weights to even at 16 bits", (type) => {
    const weights = floatsFrom(type, 2 * 32767 + 1, (i) => Math.max(-32767, i - 32767.5));
    const { quantized } = quantizeRow(weights, 16);
    quantized.forEach((code, i) => {
      if (i > 0 && (code % 2 !== 0 || Math.abs(code - weights[i]) !== 0.5)) expect.fail(`${weights[i]} became ${code}`);
    });
  });
});

describe.each(floatTypes)("corners of %s weights:", (type) => {
  const tiny = least[type];

  describe("a channel of zeros", () => {
    it.each(allBits)("has scale 1 and codes 0 at %i bits", (bits) => {
      // Zeros of both signs, longer than two tiles, between channels that are not zero.
      const weights = floatsFrom(type, 3 * 37, (i) => (Math.floor(i / 37) !== 1 ? i - 40.5 : i % 3 === 0 ? -0 : 0));
      const options = { shape: [3, 37], bits, dequantize: true, errors: "channel" } as const;
      const { scales, quantized, dequantized, perChannel } = channelwise.quantize(weights, options);
      expect(scales[1]).toBe(1);
      expect(quantized.slice(37, 74).every((code) => code === 0)).toBe(true);
      expectSameBits(dequantized.slice(37, 74), newFloats(type, 37), "dequantized");
      expect([perChannel.mse[1], perChannel.maxError[1], perChannel.sqnr[1]]).toEqual([0, 0, Infinity]);
    });

    it("has scale 1 per tensor, as a column and in groups", () => {
      const zeros = newFloats(type, 48);
      for (const layout of [
        { granularity: "tensor" },
        { shape: [16, 3], axis: 1 },
        { shape: [4, 12], granularity: { group: 2, along: 0 } },
      ] as const) {
        const result = channelwise.quantize(zeros, layout);
        expect(result.scales.every((scale) => scale === 1)).toBe(true);
        expectSameBits(result.quantized, new Int8Array(48), "quantized");
        expect(result).toMatchObject({ mse: 0, maxError: 0, sqnr: Infinity });
      }
    });
  });

  describe("a scale that underflows", () => {
    it.each(allBits)("becomes 1, every code 0, up to half of qmax units at %i bits", (bits) => {
      const qmax = 2 ** (bits - 1) - 1;
      // The quotient for half of qmax is a tie between 0 and the smallest number, and 0 is even.
      const most = Math.floor(qmax / 2) * tiny;
      const weights = row(
        type,
        Array.from({ length: 37 }, (_, i) => (i % 2 === 0 ? most : -most)),
      );
      const { scales, quantized, dequantized, maxError } = quantizeRow(weights, bits);
      expect(Array.from(scales)).toEqual([1]);
      expect(quantized.every((code) => code === 0)).toBe(true);
      expectSameBits(dequantized, newFloats(type, 37), "dequantized");
      expect(maxError).toBe(most);
    });

    it.each(allBits)("is the smallest number one unit later at %i bits", (bits) => {
      const qmax = 2 ** (bits - 1) - 1;
      const units = Math.floor(qmax / 2) + 1;
      const { scales, quantized, dequantized } = quantizeRow(row(type, [units * tiny, -units * tiny, tiny]), bits);
      expect(Array.from(scales)).toEqual([tiny]);
      expect(Array.from(quantized)).toEqual([units, -units, 1]);
      expectSameBits(dequantized, row(type, [units * tiny, -units * tiny, tiny]), "dequantized");
    });

    it("is as said for every magnitude up to 63 units at 8 bits", () => {
      for (let units = 1; units <= 64; units++) {
        const { scales, quantized } = quantizeRow(row(type, [0, units * tiny, -tiny]));
        expect([scales[0], ...quantized]).toEqual(units <= 63 ? [1, 0, 0, 0] : [tiny, 0, 64, -1]);
      }
    });
  });

  describe("a subnormal scale", () => {
    it("keeps the formula, clamp included", () => {
      const weights = row(type, [190 * tiny, -190 * tiny, 127 * tiny, -128 * tiny, -127 * tiny, 3 * tiny, -tiny]);
      const { scales, quantized, dequantized, maxError } = quantizeRow(weights);
      expect(Array.from(scales)).toEqual([tiny]);
      expect(Array.from(quantized)).toEqual([127, -128, 127, -128, -127, 3, -1]);
      expectSameBits(
        dequantized,
        row(
          type,
          Array.from(quantized, (code) => code * tiny),
        ),
        "dequantized",
      );
      expect(maxError).toBe(63 * tiny);
    });

    it.each(allBits)("clamps in every place of a tile at %i bits", (bits) => {
      const qmax = 2 ** (bits - 1) - 1;
      const units = qmax + (qmax - 1) / 2; // the largest quotient that still rounds to one unit
      const weights = row(
        type,
        Array.from({ length: 67 }, (_, i) => (i % 3 === 0 ? -1 : 1) * units * tiny),
      );
      const { scales, quantized } = quantizeRow(weights, bits);
      expect(Array.from(scales)).toEqual([tiny]);
      const [top, bottom] = [Math.min(units, qmax), Math.max(-units, -qmax - 1)];
      expect(Array.from(quantized)).toEqual(Array.from(weights, (weight) => (weight > 0 ? top : bottom)));
    });

    it.each(allBits)("of random sizes gives the reference's bits at %i bits", (bits) => {
      const next = randomBits(bits);
      const weights = floatsFrom(type, 64 * 37, (i) => {
        const most = 2 ** (Math.floor(i / 37) % 20) * 2;
        return ((next() % most) - most / 2) * tiny;
      });
      const expected = reference(weights, { shape: [64, 37] }, bits);
      const actual = channelwise.quantize(weights, { shape: [64, 37], bits, dequantize: true });
      expectSameBits(actual.scales, expected.scales, "scales");
      expectSameBits(actual.quantized, expected.quantized, "quantized");
      expectSameBits(actual.dequantized, expected.dequantized, "dequantized");
    });
  });

  describe("a scale whose product with qmax overflows", () => {
    const overflowing = {
      float32: [6, 8, 10, 11, 12, 14, 15, 16],
      float64: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    };

    it.each(allBits)("is the float below, and only then, at %i bits", (bits) => {
      const most = largest[type];
      const qmax = 2 ** (bits - 1) - 1;
      const weights = row(
        type,
        Array.from({ length: 37 }, (_, i) => [most, -most, most / 2, 1][i % 4]),
      );
      const { scales, quantized, dequantized, maxError, sqnr, mse } = quantizeRow(weights, bits);

      const quotient = row(type, [most / qmax]);
      const product = row(type, [quotient[0] * qmax]);
      const overflows = product[0] === Infinity;
      expect(overflows).toBe(overflowing[type].includes(bits));
      const words = new Uint32Array(quotient.buffer);
      if (overflows) words[0] -= 1; // towards zero; the low word is never 0 here
      expectSameBits(scales, quotient, "scales");

      expect(dequantized.every(Number.isFinite)).toBe(true);
      expect([quantized[0], quantized[1], quantized[3]]).toEqual([qmax, -qmax, 0]);
      expect(Number.isFinite(maxError)).toBe(true);
      expect(Number.isFinite(sqnr)).toBe(true);
      expect(mse).not.toBeNaN();
      const expected = reference(weights, { shape: [1, 37] }, bits);
      expectSameBits(quantized, expected.quantized, "quantized");
      expectSameBits(dequantized, expected.dequantized, "dequantized");
    });

    it.each(allBits)("never gives infinity next to the largest number at %i bits", (bits) => {
      const below = row(type, [largest[type]]);
      const words = new Uint32Array(below.buffer);
      for (let step = 0; step < 100; step++, words[0]--) {
        const expected = reference(below, { shape: [1] }, bits);
        const actual = channelwise.quantize(below, { shape: [1], bits, dequantize: true });
        expectSameBits(actual.scales, expected.scales, "scales");
        expect(Number.isFinite(actual.dequantized[0])).toBe(true);
      }
    });
  });

  it.each(allBits)("-0 and small negatives give code 0 and +0 back at %i bits", (bits) => {
    const qmax = 2 ** (bits - 1) - 1;
    const values = Array.from({ length: 67 }, (_, i) => [-0, -0.3, -0.5, -tiny, 0][i % 5]);
    const { quantized, dequantized } = quantizeRow(row(type, [qmax, ...values]), bits);
    expect(quantized.subarray(1).every((code) => code === 0)).toBe(true);
    expectSameBits(dequantized.slice(1), newFloats(type, 67), "dequantized");
  });

  it("one weight alone is its own scale", () => {
    for (const weight of [1, -1, 0.1, -tiny * 2 ** 40, largest[type] / 3]) {
      const { quantized } = quantizeRow(row(type, [weight]));
      expect(Array.from(quantized)).toEqual([weight > 0 ? 127 : -127]);
    }
  });
});
