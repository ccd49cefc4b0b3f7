import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { referenceJson, roundTo8 } from "../../web/demo/reference-json.js";

/** Rounds by the digits of toFixed(100), which are all digits of a multiple of 2^-100. */
function roundDigits(x: number): number {
  const [whole, digits] = Math.abs(x).toFixed(100).split(".");
  const below = BigInt(whole + digits.slice(0, 8));
  const rest = digits.slice(8);
  const half = "5".padEnd(rest.length, "0");
  const up = rest > half || (rest === half && below % 2n === 1n);
  return Math.sign(x) * Number(`${below + (up ? 1n : 0n)}e-8`);
}

describe("roundTo8", () => {
  it.each([
    // The results of round(x, 8) in Python 3.11.
    [0.001953125, 0.00195312],
    [0.005859375, 0.00585938],
    [0.009765625, 0.00976562],
    [-0.001953125, -0.00195312],
    [-0.005859375, -0.00585938],
    [0.1, 0.1],
    [0.6666666666666666, 0.66666667],
    [1e-9, 0],
    [5e-9, 1e-8],
    [4.999999999999999e-9, 0],
    [5.000000000000001e-9, 1e-8],
    [1.5e-8, 1e-8],
    [2.5e-8, 2e-8],
    [-4e-9, -0],
    [123456.78901234567, 123456.78901235],
    [0.007874015748031496, 0.00787402],
    [0.30000000000000004, 0.3],
    [7.450580596923828e-9, 1e-8],
    [2.2351741790771484e-8, 2e-8],
    [1000000000000000.5, 1000000000000000.5],
    [4503599627370495.5, 4503599627370495.5],
    [1.7976931348623157e308, 1.7976931348623157e308],
    [5e-324, 0],
    [0.123456785, 0.12345678],
    [0.123456795, 0.12345679],
    [12345.678901235, 12345.67890124],
    [0.999999995, 1],
    [0.9999999949999999, 0.99999999],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])("gives Python's result for %d", (x, rounded) => {
    expect(roundTo8(x)).toBe(rounded);
  });

  it("rounds exact halves to even", () => {
    for (let odd = 1; odd < 20_000; odd += 2) expect(roundTo8(odd / 512)).toBe(roundDigits(odd / 512));
  });

  it("agrees with the digits written out, for any number and next to every half", () => {
    const fractions = fc.record({
      significand: fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
      shift: fc.nat({ max: 100 }),
    });
    const dyadic = fractions.map(({ significand, shift }) => significand / 2 ** shift);
    const nextToHalves = fc.nat({ max: 1e9 }).map((n) => (n + 0.5) / 1e8);
    fc.assert(
      fc.property(fc.oneof(dyadic, nextToHalves), (x) => {
        expect(roundTo8(x)).toBe(roundDigits(x));
      }),
      { numRuns: 5000 },
    );
  });
});

describe("referenceJson", () => {
  it("is the reference program's dictionary, nested as the weights are", () => {
    const json = referenceJson({
      scales: [1 / 512, 2],
      quantized: Int8Array.of(1, -2, 3, 4, 5, 6),
      dequantized: Float64Array.of(0.001953125, -0.00390625, 0.005859375, 8, 10, 12),
      shape: [2, 3],
      mse: 5 / 512,
      maxError: 1e-9,
    });
    expect(json).toBe(
      '{"scales": [0.00195312, 2], "quantized": [[1, -2, 3], [4, 5, 6]], ' +
        '"dequantized": [[0.001953125, -0.00390625, 0.005859375], [8, 10, 12]], "mse": 0.00976562, "max_error": 0}\n',
    );
  });

  it("nests tensors of any rank", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, (shape) => {
        const length = shape.reduce((product, dimension) => product * dimension, 1);
        const quantized = Int16Array.from({ length }, (_, i) => i - 7);
        const dequantized = Float32Array.from(quantized, (code) => code / 3);
        const values = JSON.parse(referenceJson({ scales: [1], quantized, dequantized, shape, mse: 0, maxError: 0 }));
        for (const [name, array] of [["quantized", quantized] as const, ["dequantized", dequantized] as const]) {
          let level: unknown[] = [values[name]];
          for (const dimension of shape) {
            for (const part of level) expect(part).toHaveLength(dimension);
            level = level.flat();
          }
          expect(level).toEqual(Array.from(array));
        }
      }),
    );
  });
});
