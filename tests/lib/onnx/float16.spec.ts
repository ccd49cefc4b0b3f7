import { compareModels, openModel, type Rules } from "channelwise/models";
import { float16ToFloat32 } from "npyjs";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { randomBits } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { channelwise, everything, quantized, source } from "./memory.js";
import { dataType, float, modelBytes, node, operatorsOf, parse, type TensorInit, tensorsOf } from "./models.js";
import { run } from "./runtime.js";

// Models of float16. Their inputs and outputs are float32, so that every runtime takes them. The input of a layer is
// the identity matrix, so the outputs are exactly its weights.

const [rows, columns] = [64, 24];
const next = randomBits(5);
/**
 * Magnitudes from 2^-14 to 2, of either sign. In the last channel of each layer, the scale would be 0 in float16; in
 * the three before it, rounding changes the scale by up to a third, also downwards.
 */
const halves = Uint16Array.from({ length: rows * columns }, (_, i) => {
  const channel = Math.max(i % columns, Math.floor(i / rows));
  const most = { [columns - 1]: 3, [columns - 2]: 190, [columns - 3]: 180, [columns - 4]: 11 }[channel];
  return ((next() & 1) << 15) | (most === undefined ? 0x0400 + (next() % 0x3c00) : next() % (most + 1));
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

/** The dequantized weights of one scale, with the scale as it is stored. */
function dequantized(weights: readonly number[], bits: number, scaleType: number): number[] {
  const most = 2 ** (bits - 1) - 1;
  const exact = Math.fround(Math.max(...weights.map(Math.abs)) / most);
  const scale = scaleType === dataType.FLOAT16 ? toFloat16(exact) || 1 : exact;
  const codes = weights.map((weight) => {
    const code = roundHalfEven(Math.fround(weight / scale));
    return Math.max(-most - 1, Math.min(most, code));
  });
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
  ["MatMul", 13, { bits: 4, ...group, target: "webgpu" }, "MatMulNBits", [], FLOAT16],
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

    // In the order of columns, so that weights of one scale are adjacent.
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
    // The convolution's output has its channels first, like its weights.
    const actual = (await run(result, inputs)).y.data;
    // Runtimes may drop a Cast to float16 before a Cast to float32.
    for (const [i, place] of places.entries()) {
      expect([expected[i], toFloat16(expected[i])]).toContain(actual[place] + 0); // a runtime may give -0
    }

    const sum = (values: number[]) => values.reduce((total, value) => total + value ** 2, 0);
    const noise = sum(weights.map((weight, i) => weight - expected[i]));
    expect(errors[0].sqnr).toBeCloseTo(10 * Math.log10(sum(weights) / noise), 6);
    const original = await openModel(source(bytes));
    const { tensors } = await compareModels(channelwise, original, await openModel(source(result)));
    expect(tensors[0]).toMatchObject({ maxError: errors[0].maxError });
    expect((tensors[0] as { sqnr: number }).sqnr).toBeCloseTo(errors[0].sqnr, 5);
  });
});

describe("float16 weights that are integers in fields, as onnx.helper.make_tensor writes them", () => {
  /** So many values that neither a window nor the stretch between two marks holds them all. */
  const [rows, columns] = [200, 256];
  const next = randomBits(7);
  // Varints of one, two and three bytes; those of three are negative.
  const bits = Uint16Array.from({ length: rows * columns }, (_, i) => [0x7f, 0x3fff, 0xbbff][i % 3] & next());
  const graph = (w: TensorInit) => ({
    node: [node("Cast", ["x"], ["half"], { to: dataType.FLOAT16 }), node("MatMul", ["half", "w"], ["y"])],
    initializer: [w],
    input: [float("x", [1, rows])],
    output: [{ name: "y" }],
  });
  const init = { name: "w", dims: [BigInt(rows), BigInt(columns)], dataType: dataType.FLOAT16 };
  const raw = modelBytes({ opset: 19, graph: graph({ ...init, rawData: new Uint8Array(bits.slice().buffer) }) });
  const packed = modelBytes({ opset: 19, graph: graph({ ...init, int32Data: Array.from(bits) }) });

  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  const field = (id: number, content: readonly number[]) =>
    Uint8Array.of(...varint(id * 8 + 2), ...varint(content.length), ...content);
  /** The values in a range, each as a field of its own, or all in one field. */
  const apart = (from: number, to: number) =>
    Array.from(bits.slice(from, to), (half) => [0x28, ...varint(half)]).flat();
  const together = (from: number, to: number) => [...field(5, Array.from(bits.slice(from, to), varint).flat())];

  /** The same model with the fields of its tensor written by hand. */
  function byHand(count: number, ...values: readonly number[][]): Uint8Array {
    const head = [...field(8, [0x77]), 0x08, ...varint(count), 0x08, 1, 0x10, dataType.FLOAT16];
    const tensor = field(5, [head, ...values].flat());
    const matMul = [
      ...field(1, [0x78]),
      ...field(1, [0x77]),
      ...field(2, [0x79]),
      ...field(4, [...new TextEncoder().encode("MatMul")]),
    ];
    return Uint8Array.of(8, 8, ...field(7, [...field(1, matMul), ...tensor]), ...field(8, [16, 19]));
  }

  it("are quantized to the codes and scales of raw ones", async () => {
    const [fromRaw, fromPacked] = [await quantized(raw, everything), await quantized(packed, everything)];
    expect(quantizedBy(fromPacked.plan)).toMatchObject([{ tensor: "w", bytesBefore: 2 * bits.length }]);
    expect(fromPacked.plan.decisions).toHaveLength(1);
    expect(fromPacked.errors.map(({ mse }) => mse)).toEqual(fromRaw.errors.map(({ mse }) => mse));
    expect(tensorsOf(fromPacked.bytes)).toEqual(tensorsOf(fromRaw.bytes));
  });

  it.each<[string, Uint8Array, number]>([
    ["packed", packed, bits.length],
    ["each a field of its own", byHand(20_000, apart(0, 20_000)), 20_000],
    [
      "both, one after the other",
      byHand(20_000, together(0, 17_001), apart(17_001, 17_900), together(17_900, 20_000)),
      20_000,
    ],
  ])("are read from any place: %s", async (_, bytes, count) => {
    const { tensors } = await openModel(bytes, { name: "model.onnx" });
    expect(tensors).toMatchObject([{ name: "w", dtype: "float16", byteLength: 2 * count }]);
    for (const [start, length] of [
      [0, count],
      [0, 1],
      [count - 1, 1],
      [2 ** 14 - 1, 2],
      [2 ** 14, 3],
      [16_999, 1000],
      [5, 0],
      [7, 2 ** 14],
    ]) {
      const read = await tensors[0].read(2 * start, 2 * length);
      const expected = new Int8Array(bits.slice(start, start + length).buffer);
      expectSameBits(new Int8Array(read.buffer), expected, `${start} ${length}`);
    }
  });
});
