import { load, NonFiniteError, type QuantizeOptions, type Weights } from "channelwise";
import { describe, expect, it } from "vitest";
import { type Floats, floatTypes, uniform } from "./random.js";
import { channels, type Layout } from "./reference.js";

const channelwise = await load();

const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function thrownBy(weights: Weights, options: QuantizeOptions): NonFiniteError {
  try {
    channelwise.quantize(weights, options);
  } catch (error) {
    if (error instanceof NonFiniteError) return error;
    throw error;
  }
  return expect.fail("the weights were quantized");
}

/** Puts the values into the weights while `quantize` is called. */
function expectFirst(weights: Floats, layout: Layout, places: readonly (readonly [index: number, value: number])[]) {
  const before = places.map(([index]) => weights[index]);
  for (const [index, value] of places) weights[index] = value;
  const { index, channel, value } = thrownBy(weights, layout);
  places.forEach(([place], i) => {
    weights[place] = before[i];
  });
  const [first] = [...places].sort(([a], [b]) => a - b);
  expect({ index, channel, value }).toEqual({
    index: first[0],
    channel: channels(layout).channelOf(first[0]),
    value: first[1],
  });
}

const smallLayouts: [string, Layout][] = [
  ["rows", { shape: [5, 35] }],
  ["columns", { shape: [5, 35], axis: 1 }],
  ["short rows", { shape: [35, 5] }],
  ["a middle axis", { shape: [3, 7, 9], axis: 1 }],
  ["one scale for all", { shape: [5, 37], granularity: "tensor" }],
  ["groups along the last axis", { shape: [3, 12, 5], granularity: { group: 5, along: -1 } }],
  ["groups along a middle axis", { shape: [3, 12, 5], granularity: { group: 4, along: 1 } }],
  ["groups along the first axis", { shape: [12, 3, 5], granularity: { group: 4, along: 0 } }],
];

// Longer than a block in every direction: 128 Ki float32 or 64 Ki float64 elements, 4096 channels.
const largeLayouts: [string, Layout][] = [
  ["a long row", { shape: [2, 300_007] }],
  ["many rows", { shape: [9001, 37] }],
  ["many columns", { shape: [37, 9001], axis: 1 }],
  ["tall columns", { shape: [30_011, 11], axis: 1 }],
  ["a middle axis", { shape: [41, 67, 131], axis: 1 }],
  ["a middle axis of many channels", { shape: [3, 9001, 13], axis: 1 }],
  ["one scale for all", { shape: [300_007], granularity: "tensor" }],
  ["groups along the last axis", { shape: [300, 1024], granularity: { group: 32, along: -1 } }],
  ["groups along the first axis", { shape: [64, 5003], granularity: { group: 32, along: 0 } }],
];

describe.each(floatTypes)("a non-finite %s weight", (type) => {
  describe.each(smallLayouts)("in %s", (_, layout) => {
    const size = layout.shape.reduce((a, b) => a * b);
    const weights = uniform(type, size, 1);

    it.each(values)("is found in every place: %d", (value) => {
      for (let index = 0; index < size; index++) expectFirst(weights, layout, [[index, value]]);
    });

    it("is the first in the order of the array, not of the channels", () => {
      for (let index = 0; index < size - 1; index++) {
        expectFirst(weights, layout, [
          [index, values[index % 3]],
          [index + 1 + ((index * 7) % (size - 1 - index)), values[(index + 1) % 3]],
          [size - 1, values[(index + 1) % 3]],
        ]);
      }
    });
  });

  describe.each(largeLayouts)("in %s", (_, layout) => {
    const size = layout.shape.reduce((a, b) => a * b);
    const weights = uniform(type, size, 2);
    const places = [0, 65_535, 65_536, 131_071, 131_072, 131_073, 200_003, size - 17, size - 1];

    it("is found in every block", () => {
      places.forEach((index, i) => {
        expectFirst(weights, layout, [[index, values[i % 3]]]);
      });
    });

    it("is the first in the order of the array, wherever the next ones are", () => {
      places.slice(0, -1).forEach((index, i) => {
        expectFirst(weights, layout, [
          [size - 1, values[i % 3]],
          [places[i + 1], values[(i + 1) % 3]],
          [index, values[(i + 2) % 3]],
        ]);
      });
    });
  });

  it("is refused whatever else is asked for, and the next call is not touched by it", () => {
    const weights = uniform(type, 999, 3);
    const before = channelwise.quantize(weights, { shape: [27, 37], errors: "channel", dequantize: true });
    for (const errors of ["total", "channel", false] as const) {
      for (const dequantize of [true, false]) {
        for (const bits of [2, 8, 9, 16]) {
          weights[500] = Number.NaN;
          const error = thrownBy(weights, { shape: [27, 37], errors, dequantize, bits });
          expect(error).toMatchObject({ index: 500, channel: 13, value: Number.NaN });
          weights[500] = before.dequantized[500];
        }
      }
    }
    weights.set(uniform(type, 999, 3));
    expect(channelwise.quantize(weights, { shape: [27, 37], errors: "channel", dequantize: true })).toEqual(before);
  });

  it("is found among the largest and the smallest numbers", () => {
    const weights = uniform(type, 64, 4);
    weights[0] = type === "float32" ? 3.4e38 : Number.MAX_VALUE;
    weights[1] = 0;
    weights[63] = Number.NaN;
    expect(thrownBy(weights, { shape: [2, 32] })).toMatchObject({ index: 63, channel: 1, value: Number.NaN });
  });
});

describe("the error of a non-finite weight", () => {
  it("is a RangeError that says all in its message", () => {
    const error = thrownBy(Float32Array.of(1, 2, 3, -Infinity), { shape: [2, 2] });
    expect(error).toBeInstanceOf(RangeError);
    expect(error.name).toBe("NonFiniteError");
    expect(error.message).toMatch(/weights\[3\].*channel 1.*-Infinity/);
  });

  it("counts through the rows of a nested array", () => {
    const number = [
      [1, 2, 3],
      [4, Number.NaN, Number.POSITIVE_INFINITY],
    ];
    expect(thrownBy(number, {})).toMatchObject({ index: 4, channel: 1, value: Number.NaN });
    expect(thrownBy(number, { axis: 1 })).toMatchObject({ index: 4, channel: 1 });
    expect(
      thrownBy(
        number.map((row) => Float32Array.from(row)),
        {},
      ),
    ).toMatchObject({ index: 4, channel: 1 });
    expect(
      thrownBy(
        number.map((row) => Float64Array.from(row)),
        { axis: -1 },
      ),
    ).toMatchObject({ index: 4 });
  });

  it("holds the value of NaNs of any bits", () => {
    const weights = new Float32Array(Uint32Array.of(0x3f800000, 0xff800001, 0x7fffffff).buffer);
    expect(thrownBy(weights, { shape: [3] })).toMatchObject({ index: 1, channel: 1, value: Number.NaN });
  });
});
