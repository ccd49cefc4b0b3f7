import type { Rules } from "channelwise/models";
import { float16ToFloat32 } from "npyjs";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { randomBits } from "../random.js";
import { everything, quantized } from "./memory.js";
import { dataType, float, modelBytes, node, operatorsOf, parse, type TensorInit, tensorsOf } from "./models.js";
import { run } from "./runtime.js";

// Models of float16, whose inputs and outputs are float32 so that every runtime takes them. The input of a layer is the
// identity matrix: what comes out are its weights, exactly.

const [rows, columns] = [64, 24];
const next = randomBits(5);
/** From 2^-14 to 2, of either sign; in the last channel of either layer so small that the scale would be 0 in float16. */
const halves = Uint16Array.from({ length: rows * columns }, (_, i) => {
  const isTiny = i % columns === columns - 1 || i >= rows * (columns - 1);
  return ((next() & 1) << 15) | (isTiny ? next() % 4 : 0x0400 + (next() % 0x3c00));
});
const identity = Float32Array.from({ length: rows * rows }, (_, i) => Number(i % (rows + 1) === 0));

function float16Tensor(name: string, shape: readonly number[]): TensorInit {
  return {
    name,
    dims: shape.map(BigInt),
    dataType: dataType.FLOAT16,
    rawData: new Uint8Array(halves.slice().buffer),
  };
}

const layers = {
  MatMul: { shape: [rows, columns], input: [rows, rows], axis: 1 },
  Conv: { shape: [columns, rows, 1, 1], input: [1, rows, 8, 8], axis: 0 },
};

function build(layer: keyof typeof layers, opset: number) {
  const { shape, input } = layers[layer];
  const graph = {
    node: [
      node("Cast", ["x"], ["half"], { to: dataType.FLOAT16 }),
      node(layer, ["half", "w"], ["product"]),
      node("Cast", ["product"], ["y"], { to: dataType.FLOAT }),
    ],
    initializer: [float16Tensor("w", shape)],
    input: [float("x", input)],
    output: [float("y")],
  };
  return { bytes: modelBytes({ opset, irVersion: 7, graph }), inputs: { x: { data: identity, dims: input } } };
}

/** From 2^52 to 2^53 the last bit of a float64 is 1. */
const roundHalfEven = (value: number) => value + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;

function toFloat16(value: number): number {
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 1))) - 10);
  return roundHalfEven(value / unit) * unit;
}

/** What comes back of weights that share a scale, with the scale as it is stored. */
function dequantized(weights: readonly number[], bits: number, scaleType: number): number[] {
  const most = 2 ** (bits - 1) - 1;
  const exact = Math.fround(Math.max(...weights.map(Math.abs)) / most);
  const scale = scaleType === dataType.FLOAT16 ? toFloat16(exact) || 2 ** -24 : exact;
  const codes = weights.map((weight) => Math.min(most, roundHalfEven(Math.fround(weight / scale))));
  return codes.map((code) => Math.fround(code * scale));
}

const { FLOAT, FLOAT16 } = dataType;
const group = { granularity: { group: 32 } };
const written: [keyof typeof layers, number, Rules & { bits: number }, string, string[], number][] = [
  ["MatMul", 12, { bits: 8 }, "Cast, Mul", ["Cast", "Mul", "Cast"], FLOAT],
  ["MatMul", 13, { bits: 8 }, "DequantizeLinear", ["DequantizeLinear", "Cast"], FLOAT],
  ["MatMul", 18, { bits: 8, granularity: "tensor" }, "DequantizeLinear", ["DequantizeLinear", "Cast"], FLOAT],
  ["MatMul", 19, { bits: 8 }, "DequantizeLinear", ["DequantizeLinear"], FLOAT16],
  ["MatMul", 19, { bits: 8, granularity: "tensor" }, "DequantizeLinear", ["DequantizeLinear"], FLOAT16],
  ["MatMul", 20, { bits: 8, ...group }, "Cast, Mul", ["Cast", "Mul", "Reshape", "Cast"], FLOAT],
  ["MatMul", 13, { bits: 4, ...group }, "MatMulNBits", [], FLOAT16],
  ["MatMul", 21, { bits: 4, ...group }, "DequantizeLinear", ["DequantizeLinear"], FLOAT16],
  ["Conv", 13, { bits: 8 }, "DequantizeLinear", ["DequantizeLinear", "Cast"], FLOAT],
  ["Conv", 21, { bits: 8 }, "DequantizeLinear", ["DequantizeLinear"], FLOAT16],
  ["Conv", 21, { bits: 4, ...group }, "DequantizeLinear", ["DequantizeLinear", "Reshape"], FLOAT16],
];

describe.each(written)("float16 weights of %s, opset %i, %o", (layer, opset, rules, pattern, operators, scaleType) => {
  it(`are written with ${pattern}, and come back as their codes and scales say`, async () => {
    const { bytes, inputs } = build(layer, opset);
    const { plan, errors, bytes: result } = await quantized(bytes, { ...everything, ...rules });
    expect(quantizedBy(plan)).toMatchObject([{ pattern, bytesBefore: 2 * rows * columns }]);
    const first = pattern === "MatMulNBits" ? [] : [...operators, "Cast"];
    const consumer = pattern === "MatMulNBits" ? ["Cast", pattern] : [layer];
    expect(operatorsOf(parse(result).graph)).toEqual([...first, ...consumer, "Cast"]);
    const scales = tensorsOf(result).get(pattern === "MatMulNBits" ? "w_scales" : "w_scale");
    expect(scales?.dataType).toBe(scaleType);

    // By columns, so that what shares a scale stands together.
    const places = Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [i % rows, Math.floor(i / rows)];
      return layer === "MatMul" ? row * columns + column : i;
    });
    const weights = places.map((place) => float16ToFloat32(halves[place]));
    const { granularity = "channel", bits } = rules;
    const together = granularity === "channel" ? rows : granularity === "tensor" ? rows * columns : granularity.group;
    const expected = weights.flatMap((_, i) =>
      i % together === 0 ? dequantized(weights.slice(i, i + together), bits, scaleType) : [],
    );
    // The output of the convolution has its channels first, as its weights have.
    const actual = (await run(result, inputs)).y.data;
    // Where a Cast to float16 comes before one to float32, runtimes may leave out both.
    for (const [i, place] of places.entries()) {
      expect([expected[i], toFloat16(expected[i])]).toContain(actual[place]);
    }

    const sum = (values: number[]) => values.reduce((total, value) => total + value ** 2, 0);
    const noise = sum(weights.map((weight, i) => weight - expected[i]));
    expect(errors[0].sqnr).toBeCloseTo(10 * Math.log10(sum(weights) / noise), 6);
  });
});
