import type { QuantizeOptions } from "channelwise";
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
import { dataType, float, modelBytes, node, operatorsOf, parse, tensor, tensorsOf, withValues } from "./models.js";
import { run, sqnr } from "./runtime.js";

interface Layer {
  readonly shape: number[];
  readonly input: number[];
  readonly attributes?: Record<string, number>;
}

const layers = {
  // Three groups of 32: their zero points do not fill a byte of MatMulNBits.
  MatMul: { shape: [96, 7], input: [5, 96] },
  Gemm: { shape: [7, 96], input: [5, 96], attributes: { transB: 1 } },
  Conv: { shape: [8, 16, 3, 2], input: [1, 16, 6, 6] },
  Gather: { shape: [40, 96], input: [] },
} satisfies Record<string, Layer>;

type LayerName = keyof typeof layers;

const indices = tensor("indices", [2, 3], BigInt64Array.of(5n, 39n, 0n, 1n, 1n, 17n));

/** Weights that lie more to one side of zero. */
const skewed = (count: number) => uniform("float32", count, 3).map((weight) => 0.8 * weight + 0.35);

function build(layer: LayerName, opset: number) {
  const { shape, input, attributes = {} }: Layer = layers[layer];
  const size = (of: readonly number[]) => of.reduce((a, b) => a * b, 1);
  const weights = skewed(size(shape));
  const gathers = layer === "Gather";
  const graph = {
    node: [node(layer, gathers ? ["w", "indices"] : ["x", "w"], ["y"], attributes)],
    initializer: [tensor("w", shape, weights), ...(gathers ? [indices] : [])],
    input: gathers ? [] : [float("x", input)],
    output: [float("y")],
  };
  const data = uniform("float32", size(input), 4);
  return { bytes: modelBytes({ opset, irVersion: 7, graph }), shape, weights, inputs: { x: { data, dims: input } } };
}

const inputsOf = (layer: LayerName, { inputs }: ReturnType<typeof build>) => (layer === "Gather" ? {} : inputs);

const groups = { granularity: { group: 32 } } as const;
const perTensor = { granularity: "tensor" } as const;
const [castSubMul, linear] = [["Cast", "Cast", "Sub", "Mul"], ["DequantizeLinear"]];
const { INT2, INT4, INT8, INT16, UINT8 } = dataType;

/** The operators before that of the layer, or in its place, and the type and shape of the zero points. */
const cases: [LayerName, number, Rules, string, string[], number, number[]][] = [
  ["MatMul", 13, { target: "portable" }, "DequantizeLinear", linear, INT8, [7]],
  ["MatMul", 13, { target: "portable", ...perTensor, bits: 6 }, "DequantizeLinear", linear, INT8, []],
  ["MatMul", 21, { target: "portable", bits: 4, ...groups }, "DequantizeLinear", linear, INT4, [3, 7]],
  [
    "MatMul",
    21,
    { target: "portable", bits: 4, ...groups, scales: "search" },
    "DequantizeLinear",
    linear,
    INT4,
    [3, 7],
  ],
  ["MatMul", 21, { target: "portable", bits: 8, ...groups }, "DequantizeLinear", linear, INT8, [3, 7]],
  ["MatMul", 25, { target: "portable", bits: 2 }, "DequantizeLinear", linear, INT2, [7]],
  ["MatMul", 21, { target: "portable", bits: 12 }, "DequantizeLinear", linear, INT16, [7]],
  ["Conv", 13, { target: "portable" }, "DequantizeLinear", linear, INT8, [8]],
  ["Conv", 21, { target: "portable", bits: 4, ...groups }, "DequantizeLinear", [...linear, "Reshape"], INT4, [8, 3]],
  ["MatMul", 12, { target: "portable" }, "Cast, Mul", castSubMul, INT8, [1, 7]],
  ["MatMul", 9, { target: "wasm", bits: 11, ...perTensor }, "Cast, Mul", castSubMul, INT16, []],
  ["MatMul", 20, { target: "wasm", bits: 4, ...groups }, "Cast, Mul", [...castSubMul, "Reshape"], INT8, [3, 1, 7]],
  ["MatMul", 21, { target: "wasm", bits: 4, ...groups }, "Cast, Mul", [...castSubMul, "Reshape"], INT4, [3, 1, 7]],
  ["Conv", 17, { target: "wasm" }, "Cast, Mul", castSubMul, INT8, [8, 1, 1, 1]],
  ["MatMul", 13, { target: "webgpu", bits: 4, ...groups }, "MatMulNBits", [], UINT8, [14]],
  ["MatMul", 13, { target: "webgpu", bits: 4, ...groups, scales: "search" }, "MatMulNBits", [], UINT8, [14]],
  ["MatMul", 13, { target: "webgpu", bits: 8, ...groups }, "MatMulNBits", [], UINT8, [21]],
  ["MatMul", 13, { target: "webgpu", bits: 2, ...groups, scales: "search" }, "MatMulNBits", [], UINT8, [7]],
  [
    "Gather",
    13,
    { target: "wasm" },
    "Gather",
    ["Gather", "Gather", "Cast", "Gather", "Cast", "Sub", "Mul"],
    INT8,
    [40, 1],
  ],
  ["Gather", 13, { target: "wasm", bits: 4, ...groups }, "GatherBlockQuantized", [], UINT8, [40, 2]],
  ["Gather", 13, { target: "webgpu", bits: 8, ...groups }, "GatherBlockQuantized", [], UINT8, [40, 3]],
  ["Gather", 13, { target: "wasm", ...perTensor }, "Gather", ["Gather", "DequantizeLinear"], INT8, []],
];

describe.each(cases)("%s, opset %i, %o", (layer, opset, rules, pattern, operators, type, zeroShape) => {
  const built = build(layer, opset);
  const { granularity = "channel", bits = 8, scales = "max" } = rules;
  const { shape } = built;
  const axis = layer === "MatMul" ? 1 : 0;
  const along = layer === "MatMul" ? 0 : 1;
  const grouped = { shape: layer === "Conv" ? [8, 96] : shape, group: { group: 32, along } };
  const options: QuantizeOptions & { shape: number[] } =
    typeof granularity === "object"
      ? { shape: grouped.shape, granularity: grouped.group, bits, scales }
      : { shape, axis, granularity, bits, scales };
  const { dequantized, ...figures } = channelwise.quantize(built.weights, {
    ...options,
    zeroPoints: true,
    dequantize: true,
  });

  it(`has zero points with ${pattern}, with which ONNX Runtime computes the same`, async () => {
    const { bytes, plan, errors } = await quantized(built.bytes, { include: ["*"], ...rules, zeroPoints: true });
    expect(quantizedBy(plan)).toMatchObject([{ pattern, bits, zeroPoints: true }]);
    const { mse, maxError, sqnr: decibels } = figures;
    expect(errors).toEqual([{ ...plan.decisions[0], mse, maxError, sqnr: decibels }]);
    const symmetric = channelwise.quantize(built.weights, { ...options, errors: "total" }).sqnr;
    expect(decibels).toBeGreaterThan(bits === 2 ? symmetric - 0.1 : symmetric + 1); // a search uses 4 codes as well

    const found = operatorsOf(parse(bytes).graph);
    const isMicrosofts = pattern === "MatMulNBits" || pattern === "GatherBlockQuantized";
    const consumer = isMicrosofts ? [pattern] : layer === "Gather" ? [] : [layer];
    expect(found).toEqual([...operators, ...consumer]);
    const zeros = tensorsOf(bytes).get(pattern === "MatMulNBits" ? "w_zero_points" : "w_zero_point");
    expect([zeros?.dataType, zeros?.dims.map(Number)]).toEqual([type, zeroShape]);

    const inputs = inputsOf(layer, built);
    const expected = await run(withValues(built.bytes, new Map([["w", dequantized]])), inputs);
    const actual = await run(bytes, inputs);
    expect(actual.y.dims).toEqual(expected.y.dims);
    expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(110);
    if (layer === "Gather") expectSameBits(actual.y.data, expected.y.data, "rows");
  });

  it("is read back bit for bit", async () => {
    const { bytes, plan } = await quantized(built.bytes, { include: ["*"], ...rules, zeroPoints: true });
    const model = await openModel(source(bytes));
    const { quantized: weights, kept, unreadable } = await inspectModel(model);
    expect({ kept, unreadable }).toEqual({ kept: [], unreadable: [] });
    expect(weights).toMatchObject([
      { name: "w", pattern, shape, zeroPoints: true, byteLength: plan.decisions[0].bytesAfter },
    ]);
    const floats = sink();
    await dequantizeModel(channelwise, model, floats.sink);
    const float = await openModel(source(floats.bytes()));
    expectSameBits(await readFloats(float.tensors[0]), dequantized, "weights");
    expect(
      operatorsOf(parse(floats.bytes()).graph).filter((operator) => !/^(Constant|Reshape)$/.test(operator)),
    ).toEqual([layer]);
    const { tensors } = await compareModels(channelwise, await openModel(source(built.bytes)), model);
    expect(tensors).toMatchObject([{ tensor: "w", result: "near", maxError: figures.maxError }]);
  });
});

describe("MatMulInteger", () => {
  it.each<[LayerName, Rules]>([
    ["MatMul", {}],
    ["MatMul", { bits: 7 }],
    ["MatMul", perTensor],
    ["Gemm", {}],
  ])("takes the zero points of weights: %s, %o", async (layer, rules) => {
    const { bytes: original, weights, shape, inputs } = build(layer, 13);
    const { bytes, plan } = await quantized(original, { include: ["*"], ...rules, zeroPoints: true });
    expect(quantizedBy(plan)).toMatchObject([{ pattern: "MatMulInteger", zeroPoints: true }]);
    const axis = layer === "MatMul" ? 1 : 0;
    const options = { shape, axis, ...rules } as QuantizeOptions & { shape: number[] };
    const { zeroPoints, dequantized } = channelwise.quantize(weights, {
      ...options,
      zeroPoints: true,
      dequantize: true,
    });
    const stored = tensorsOf(bytes).get("w_zero_point");
    expect(stored?.dataType).toBe(INT8);
    expect(stored?.rawData).toEqual(new Uint8Array(zeroPoints.buffer));

    // The same activations of 8 bits, times the dequantized weights. A 1 and a -1 give exact codes.
    const codes = uniform("float32", inputs.x.data.length, 8).map((value) => Math.round(value * 60));
    const data = codes.map((code, i) => (i === 0 ? -127 : i === 1 ? 128 : code));
    const whole = { x: { data, dims: inputs.x.dims } };
    const expected = await run(withValues(original, new Map([["w", dequantized]])), whole);
    const actual = await run(bytes, whole);
    expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(110);

    const model = await openModel(source(bytes));
    const floats = sink();
    await dequantizeModel(channelwise, model, floats.sink);
    const [weight] = (await openModel(source(floats.bytes()))).tensors;
    expectSameBits(await readFloats(weight), dequantized, "weights");
  });
});

it("can be asked for by overrides, and not with the signed maximum", async () => {
  const model = await openModel(source(build("MatMul", 13).bytes));
  const asked = { include: ["*"], overrides: { w: { zeroPoints: true } } };
  expect(quantizedBy(planModel(model, asked))).toMatchObject([{ zeroPoints: true }]);
  const refused = "with zeroPoints it must be";
  expect(() => planModel(model, { zeroPoints: true, scales: "signed-max" })).toThrow(refused);
  expect(() => planModel(model, { ...asked, scales: "signed-max" })).toThrow(refused);
});

it("a product with a difference of integers is not taken for a weight", async () => {
  const integers = (name: string, dims: number[]) => {
    const count = dims.reduce((a, b) => a * b, 1);
    return { name, dataType: INT8, dims: dims.map(BigInt), rawData: new Uint8Array(count).fill(3) };
  };
  const toFloat = { to: dataType.FLOAT };
  const graph = {
    node: [
      node("Cast", ["a"], ["b"], toFloat),
      node("Cast", ["c"], ["d"], toFloat),
      node("Sub", ["b", "d"], ["e"]),
      node("Mul", ["e", "s"], ["f"]),
      node("MatMul", ["x", "f"], ["y"]),
    ],
    // There is a zero point for each code, and one scale.
    initializer: [integers("a", [4, 4]), integers("c", [4, 4]), tensor("s", [], Float32Array.of(0.5))],
    input: [float("x", [2, 4])],
    output: [float("y")],
  };
  const { quantized: found, unreadable } = await inspectModel(
    await openModel(source(modelBytes({ opset: 13, graph }))),
  );
  expect(found).toEqual([]);
  expect(unreadable).toMatchObject([
    { reason: "its zero points must be one for each scale and have the type of the codes" },
  ]);
});
