import {
  compareModels,
  dequantizeModel,
  inspectModel,
  openModel,
  planModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { channelwise, quantized, sink, source } from "./memory.js";
import { float, modelBytes, node, operatorsOf, parse, tensor, tensorsOf, withValues } from "./models.js";
import { run, sqnr } from "./runtime.js";

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

interface Layer {
  readonly shape: number[];
  readonly input: number[];
  readonly attributes?: Record<string, number>;
}

const layers = {
  MatMul: { shape: [97, 10], input: [5, 97] },
  Gemm: { shape: [10, 77], input: [5, 77], attributes: { transB: 1 } },
  Conv: { shape: [8, 7, 3, 3], input: [1, 7, 6, 6] },
  ConvTranspose: { shape: [40, 6, 2, 2], input: [1, 40, 3, 3] },
  Gather: { shape: [20, 50], input: [] },
} satisfies Record<string, Layer>;

type LayerName = keyof typeof layers;

const indices = tensor("indices", [4], BigInt64Array.of(5n, 19n, 0n, 1n));

function build(layer: LayerName, opset: number) {
  const { shape, input, attributes = {} }: Layer = layers[layer];
  const weights = uniform("float32", size(shape), 3).map((weight) => weight + 0.2);
  const gathers = layer === "Gather";
  const graph = {
    node: [node(layer, gathers ? ["w", "indices"] : ["x", "w"], ["y"], attributes)],
    initializer: [tensor("w", shape, weights), ...(gathers ? [indices] : [])],
    input: gathers ? [] : [float("x", input)],
    output: [float("y")],
  };
  const inputs = gathers ? {} : { x: { data: uniform("float32", size(input), 4), dims: input } };
  return { bytes: modelBytes({ opset, irVersion: 7, graph }), shape, weights, inputs };
}

/** The dimensions before groups of 32 along a dimension are filled up with zeros. */
const grouped: Record<LayerName, { shape: number[]; along: number }> = {
  MatMul: { shape: [97, 10], along: 0 },
  Gemm: { shape: [10, 77], along: 1 },
  Conv: { shape: [8, 63], along: 1 },
  ConvTranspose: { shape: [40, 6, 2, 2], along: 0 },
  Gather: { shape: [20, 50], along: 1 },
};

/** What `quantize` gives for weights whose last groups are filled up with zeros, without these. */
function reference(layer: LayerName, weights: Float32Array, { bits = 8, scales = "max", zeroPoints = false }: Rules) {
  const { shape, along } = grouped[layer];
  const [row, inner] = [size(shape.slice(along)), size(shape.slice(along + 1))];
  const filledRow = Math.ceil(row / inner / 32) * 32 * inner;
  const rows = weights.length / row;
  const filled = new Float32Array(rows * filledRow);
  for (let i = 0; i < rows; i++) filled.set(weights.subarray(i * row, (i + 1) * row), i * filledRow);
  const { dequantized, mse, ...figures } = channelwise.quantize(filled, {
    ...{ bits, scales, zeroPoints },
    shape: shape.map((dimension, i) => (i === along ? filledRow / inner : dimension)),
    ...{ granularity: { group: 32, along }, dequantize: true },
  });
  const values = new Float32Array(weights.length);
  for (let i = 0; i < rows; i++) values.set(dequantized.subarray(i * filledRow, i * filledRow + row), i * row);
  return { ...figures, dequantized: values, mse: (mse * filled.length) / weights.length };
}

const repeat = ["Tile", "Reshape", "Slice"];

/** The pattern, and the operators before the layer. */
const cases: [LayerName, number, Rules, string, string[]][] = [
  ["MatMul", 21, { target: "portable", bits: 4 }, "DequantizeLinear", ["DequantizeLinear"]],
  ["MatMul", 21, { target: "portable", bits: 4, zeroPoints: true }, "DequantizeLinear", ["DequantizeLinear"]],
  ["MatMul", 25, { target: "portable", bits: 2 }, "DequantizeLinear", ["DequantizeLinear"]],
  ["Gemm", 21, { target: "portable", bits: 4, scales: "search" }, "DequantizeLinear", ["DequantizeLinear"]],
  ["Conv", 21, { target: "portable", bits: 4 }, "DequantizeLinear", ["DequantizeLinear", "Reshape"]],
  ["ConvTranspose", 21, { target: "portable", bits: 8 }, "DequantizeLinear", ["DequantizeLinear"]],
  ["MatMul", 13, { target: "wasm", bits: 4 }, "Cast, Mul", [...repeat, "Cast", "Mul"]],
  ["MatMul", 21, { target: "wasm", bits: 4 }, "Cast, Mul", [...repeat, "Cast", "Mul"]],
  [
    ...(["MatMul", 13, { target: "wasm", bits: 4, zeroPoints: true, scales: "search" }, "Cast, Mul"] as const),
    ["Cast", ...repeat, ...repeat, "Cast", "Sub", "Mul"],
  ],
  ["Gemm", 13, { target: "wasm", bits: 4 }, "Cast, Mul", [...repeat, "Cast", "Mul"]],
  ["Conv", 7, { target: "wasm", bits: 6 }, "Cast, Mul", [...repeat, "Cast", "Mul", "Reshape"]],
  [
    "MatMul",
    9,
    { target: "wasm", bits: 4, zeroPoints: true },
    "Cast, Mul",
    ["Cast", ...repeat, ...repeat, "Cast", "Sub", "Mul"],
  ],
  ["Conv", 10, { target: "wasm", bits: 6 }, "Cast, Mul", [...repeat, "Cast", "Mul", "Reshape"]],
  ["ConvTranspose", 13, { target: "wasm", bits: 8 }, "Cast, Mul", [...repeat, "Cast", "Mul"]],
  ["MatMul", 13, { target: "webgpu", bits: 4 }, "MatMulNBits", []],
  ["MatMul", 13, { target: "webgpu", bits: 4, zeroPoints: true }, "MatMulNBits", []],
  ["Gather", 13, { target: "wasm", bits: 4 }, "GatherBlockQuantized", []],
  ["Gather", 13, { target: "wasm", bits: 8, zeroPoints: true }, "GatherBlockQuantized", []],
];

describe.each(cases)("the last group of a row may be shorter: %s, opset %i, %o", (...given) => {
  const [layer, opset, own, pattern, operators] = given;
  const rules = { include: ["*"], granularity: { group: 32 }, ...own };
  const built = build(layer, opset);
  const { dequantized, mse, maxError, sqnr: decibels } = reference(layer, built.weights, own);

  it(`is written with ${pattern}, said, and computed the same`, async () => {
    const { bytes, plan, errors } = await quantized(built.bytes, rules);
    const { shape, along } = grouped[layer];
    const summed = shape[along];
    const note = `the last of the groups of 32 has ${summed % 32}, since a channel sums over ${summed}`;
    expect(quantizedBy(plan)).toMatchObject([{ pattern, granularity: { group: 32, along } }]);
    expect(quantizedBy(plan)[0].notes[0]).toBe(note);
    expect(errors[0].mse).toBeCloseTo(mse, 12);
    expect(errors).toMatchObject([{ maxError, sqnr: decibels }]);
    const isMicrosofts = pattern === "MatMulNBits" || pattern === "GatherBlockQuantized";
    expect(operatorsOf(parse(bytes).graph)).toEqual([...operators, isMicrosofts ? pattern : layer]);

    const expected = await run(withValues(built.bytes, new Map([["w", dequantized]])), built.inputs);
    const actual = await run(bytes, built.inputs);
    expect(actual.y.dims).toEqual(expected.y.dims);
    expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(110);
  });

  it("is read back bit for bit", async () => {
    const { bytes, plan } = await quantized(built.bytes, rules);
    const model = await openModel(source(bytes));
    const { quantized: found, kept, unreadable } = await inspectModel(model);
    expect({ kept, unreadable }).toEqual({ kept: [], unreadable: [] });
    const { bytesAfter } = plan.decisions[0];
    expect(found).toMatchObject([{ name: "w", pattern, shape: built.shape, byteLength: bytesAfter }]);
    const floats = sink();
    await dequantizeModel(channelwise, model, floats.sink);
    const float = await openModel(source(floats.bytes()));
    expectSameBits(await readFloats(float.tensors[0]), dequantized, "weights");
    const left = [...tensorsOf(floats.bytes()).keys()].filter((name) => /_row|_repeats|_scale|_zero/.test(name));
    expect(left).toEqual([]);
    const { tensors } = await compareModels(channelwise, await openModel(source(built.bytes)), model);
    expect(tensors).toMatchObject([{ tensor: "w", result: "near", maxError }]);
  });
});

it("a group is at most what a channel sums over", async () => {
  const model = await openModel(source(build("Conv", 21).bytes));
  const [decision] = quantizedBy(planModel(model, { include: ["*"], granularity: { group: 128 } }));
  const notes = ["groups of 63, which is all that a channel sums over"];
  expect(decision).toMatchObject({ granularity: { group: 63, along: 1 }, notes });
});

it("codes that come in several chunks lose the zeros between them", async () => {
  const shape = [1100, 1001];
  const weights = uniform("float32", size(shape), 3);
  const graph = {
    node: [node("Gemm", ["x", "w"], ["y"], { transB: 1 })],
    initializer: [tensor("w", shape, weights)],
    input: [float("x")],
    output: [float("y")],
  };
  const rules = { include: ["*"], target: "portable", bits: 4, granularity: { group: 64 } } as const;
  const { bytes } = await quantized(modelBytes({ opset: 21, graph }), rules);
  const filled = new Float32Array(1100 * 1024);
  for (let row = 0; row < 1100; row++) filled.set(weights.subarray(row * 1001, (row + 1) * 1001), row * 1024);
  const { quantized: codes } = channelwise.quantize(filled, {
    ...{ shape: [1100, 1024], bits: 4, granularity: { group: 64, along: 1 } },
  });
  const expected = new Uint8Array(Math.ceil((1100 * 1001) / 2));
  for (let i = 0; i < 1100 * 1001; i++) {
    expected[i >> 1] |= (codes[Math.floor(i / 1001) * 1024 + (i % 1001)] & 15) << (4 * (i % 2));
  }
  const stored = tensorsOf(bytes).get("w_quantized")?.rawData.slice() as Uint8Array;
  expectSameBits(new Int8Array(stored.buffer), new Int8Array(expected.buffer), "codes");
});
