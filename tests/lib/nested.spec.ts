import { load, type QuantizeOptions, type Weights } from "channelwise";
import { describe, expect, it } from "vitest";
import { uniform } from "./random.js";

const channelwise = await load();
const quantize = channelwise.quantize as unknown as (weights: unknown, options?: QuantizeOptions) => unknown;

const rows = [
  [1, 2.5, -3],
  [0.1, 0.2, 0.3],
];

describe("an array of rows", () => {
  it("gives the bits of the same numbers in one array", () => {
    const matrix = Array.from({ length: 50 }, (_, r) => Array.from(uniform("float64", 37, r)));
    const flat = Float64Array.from(matrix.flat());
    for (const options of [{}, { axis: 1 }, { granularity: { group: 5, along: 0 } }, { bits: 12 }] as const) {
      const expected = channelwise.quantize(flat, { shape: [50, 37], ...options });
      expect(channelwise.quantize(matrix, options)).toEqual(expected);
      expect(
        channelwise.quantize(
          matrix.map((row) => Float64Array.from(row)),
          options,
        ),
      ).toEqual(expected);
    }
  });

  it("of numbers is computed in float64, of typed arrays in their type", () => {
    const { scales } = channelwise.quantize(rows, { dequantize: true });
    expect(Array.from(scales)).toEqual([3 / 127, 0.3 / 127]);
    const single = channelwise.quantize(rows.map((row) => Float32Array.from(row)));
    expect(single.scales).toBeInstanceOf(Float32Array);
    expect(Array.from(single.scales)).toEqual([3 / 127, Math.fround(0.3) / 127].map(Math.fround));
  });

  it("has the shape of its rows and columns, per tensor too", () => {
    expect(channelwise.quantize(rows)).toMatchObject({ shape: [2, 3], scaleShape: [2] });
    expect(channelwise.quantize(rows, { axis: -1 })).toMatchObject({ shape: [2, 3], scaleShape: [3], axis: 1 });
    expect(channelwise.quantize(rows, { granularity: "tensor" })).toMatchObject({ shape: [2, 3], scaleShape: [] });
    expect(channelwise.quantize([[5]])).toMatchObject({ shape: [1, 1] });
    expect(channelwise.quantize(rows, { shape: [2, 3] })).toMatchObject({ shape: [2, 3] });
  });

  it("may be frozen, and its rows views of one array or the same row", () => {
    const frozen: Weights = Object.freeze(rows.map((row) => Object.freeze([...row])));
    expect(channelwise.quantize(frozen)).toEqual(channelwise.quantize(rows));
    const all = uniform("float32", 12, 1);
    const views = [all.subarray(0, 4), all.subarray(4, 8), all.subarray(8, 12)];
    expect(channelwise.quantize(views)).toEqual(channelwise.quantize(all, { shape: [3, 4] }));
    expect(channelwise.quantize([all, all]).scales).toHaveLength(2);
  });
});

describe("an array of rows is refused", () => {
  const hole = [1, 2, 3];
  delete hole[1];
  const holeOfRows = [[1], [2], [3]];
  delete holeOfRows[1];

  it.each<readonly [what: string, weights: unknown, kind: typeof TypeError | typeof RangeError, message: RegExp]>([
    ["without rows", [], RangeError, /weights.*(no rows|empty)/],
    ["without columns", [[]], RangeError, /weights\[0\].*empty/],
    ["without columns in a later row", [[1], []], RangeError, /weights\[1\].*empty/],
    ["of empty typed arrays", [new Float32Array(0)], RangeError, /weights\[0\].*empty/],
    [
      "with a row too short",
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8],
      ],
      RangeError,
      /weights\[2\].*\b2\b.*\b3\b/,
    ],
    [
      "with a row too long",
      [
        [1, 2],
        [3, 4, 5],
      ],
      RangeError,
      /weights\[1\].*\b3\b.*\b2\b/,
    ],
    [
      "with a typed row too short",
      [new Float32Array(3), new Float32Array(2)],
      RangeError,
      /weights\[1\].*\b2\b.*\b3\b/,
    ],
    [
      "with a string for a number",
      [
        [1, 2],
        [3, "4"],
      ],
      TypeError,
      /weights\[1\]\[1\].*"4"/,
    ],
    [
      "with empty text for a number",
      [
        [1, 2],
        ["", 3],
      ],
      TypeError,
      /weights\[1\]\[0\].*""/,
    ],
    ["with null for a number", [[1, null]], TypeError, /weights\[0\]\[1\].*null/],
    [
      "with undefined for a number",
      [
        [1, 2],
        [undefined, 2],
      ],
      TypeError,
      /weights\[1\]\[0\].*undefined/,
    ],
    ["with a boolean for a number", [[true]], TypeError, /weights\[0\]\[0\].*true/],
    ["with a bigint for a number", [[1, 2n]], TypeError, /weights\[0\]\[1\].*(2|bigint)/],
    ["with an object for a number", [[1, {}]], TypeError, /weights\[0\]\[1\].*object/],
    ["with a boxed number", [[1, Object(2)]], TypeError, /weights\[0\]\[1\].*object/],
    ["with an array for a number", [[[1], [2]]], TypeError, /weights\[0\]\[0\].*array/],
    ["with a hole", [[1, 2, 3], hole], TypeError, /weights\[1\]\[1\].*undefined/],
    ["with a hole for a row", holeOfRows, TypeError, /weights\[1\].*undefined/],
    ["of numbers alone", [1, 2, 3], TypeError, /weights\[0\].*(1|number)/],
    ["with a number for a row", [[1], 2], TypeError, /weights\[1\].*(2|number)/],
    ["with a string for a row", [[1], "2"], TypeError, /weights\[1\].*"2"/],
    ["with null for a row", [[1], null], TypeError, /weights\[1\].*null/],
    ["of strings", ["12", "34"], TypeError, /weights\[0\].*"12"/],
    ["of integer arrays", [new Int8Array(2)], TypeError, /weights\[0\].*Int8Array/],
    ["of arrays and typed arrays", [[1, 2], Float64Array.of(1, 2)], TypeError, /weights\[1\].*Float64Array/],
    ["of typed arrays and arrays", [Float64Array.of(1, 2), [1, 2]], TypeError, /weights\[1\].*Float64Array/],
    ["of two types", [Float32Array.of(1), Float64Array.of(1)], TypeError, /weights\[1\].*Float32Array.*Float64Array/],
  ])("%s", (_, weights, kind, message) => {
    const scales = new Float64Array(3).fill(99);
    for (const options of [{}, { into: { scales } }]) {
      expect(() => quantize(weights, options)).toThrow(kind);
      expect(() => quantize(weights, options)).toThrow(message);
    }
    expect(Array.from(scales)).toEqual([99, 99, 99]);
  });

  it("with a shape that is not its own", () => {
    for (const shape of [[3, 2], [6], [1, 6], [2, 3, 1], [2, 4]]) {
      expect(() => quantize(rows, { shape })).toThrow(RangeError);
      expect(() => quantize(rows, { shape })).toThrow(/shape/);
    }
  });
});
