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
import {
  dataType,
  float,
  type GraphInit,
  modelBytes,
  type NodeInit,
  node,
  operatorsOf,
  parse,
  type TensorInit,
  tensor,
  tensorsOf,
  withValues,
} from "./models.js";
import { run, sqnr, type Values } from "./runtime.js";

const all: Rules = { include: ["*"] };
const [rows, columns] = [64, 24];
const weights = uniform("float32", rows * columns, 3);
const x: Values = { data: uniform("float32", 5 * rows, 4), dims: [5, rows] };

/** A graph from x to y. */
function graphOf(nodes: NodeInit[], initializer: TensorInit[], others: Partial<GraphInit> = {}): GraphInit {
  return { node: nodes, initializer, input: [float("x", [undefined, rows])], output: [float("y")], ...others };
}

const matrix = tensor("w", [rows, columns], weights);
const matMul = { ...node("MatMul", ["x", "w"], ["y"]), name: "M" };
const floatModel = (opset = 13) => modelBytes({ opset, irVersion: 7, graph: graphOf([matMul], [matrix]) });

/** Activations that DynamicQuantizeLinear turns into 8 bits, and back into floats (https://onnx.ai/onnx/operators). */
function through8Bits({ data, dims }: Values): Values {
  const [least, most] = [Math.min(0, ...data), Math.max(0, ...data)];
  const scale = Math.fround(Math.fround(most - least) / 255);
  const even = (value: number) => {
    const nearest = Math.round(value);
    return nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
  };
  const zero = even(Math.fround(-least / scale));
  const codeOf = (value: number) => Math.min(255, Math.max(0, even(Math.fround(value / scale)) + zero));
  return { data: data.map((value) => (codeOf(value) - zero) * scale), dims };
}

/** Expects that a model computes what the float one does with the dequantized weights and activations of 8 bits. */
async function expectIntegers(
  written: Uint8Array,
  original: Uint8Array,
  dequantized: ReadonlyMap<string, Float32Array>,
) {
  const actual = await run(written, { x });
  const expected = await run(withValues(original, dequantized), { x: through8Bits(x) });
  expect(actual.y.dims).toEqual(expected.y.dims);
  expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(100);
  const exact = await run(original, { x });
  expect(sqnr(exact.y.data, actual.y.data)).toBeGreaterThan(30);
}

/** Nodes as [operator, name, inputs, outputs]. */
const nodesOf = (bytes: Uint8Array) =>
  parse(bytes).graph.node.map(({ opType, name, input, output }) => [opType, name, input, output]);

const patternsOf = async (bytes: Uint8Array, rules: Rules) =>
  quantizedBy(planModel(await openModel(source(bytes)), { ...all, ...rules })).map(({ pattern }) => pattern);

describe("MatMul for wasm and native", () => {
  it("stays a MatMul of floats for wasm where the file gives it fewer than 4 rows", async () => {
    const formOf = async (shape: (number | undefined)[], rules: Rules = {}, others: Partial<GraphInit> = {}) => {
      const graph = graphOf([node("MatMul", ["x", "w"], ["y"])], [tensor("w", [rows, columns], weights)], {
        input: [float("x", shape)],
        ...others,
      });
      const model = await openModel(source(modelBytes({ opset: 13, graph })));
      const [{ pattern, notes }] = quantizedBy(planModel(model, { ...all, ...rules }));
      return [pattern, ...notes];
    };
    const why = (of: string) => `MatMulInteger is slower than floats for ${of} of activations`;
    expect(await formOf([1, rows])).toEqual(["Cast, Mul", why("1 row")]);
    expect(await formOf([rows])).toEqual(["Cast, Mul", why("1 row")]);
    expect(await formOf([1, 3, rows])).toEqual(["Cast, Mul", why("3 rows")]);
    // Four rows and more, and a number of rows that the file leaves open, also as -1.
    for (const shape of [
      [4, rows],
      [2, 2, rows],
      [1, undefined, rows],
      [1, -1, rows],
      [1, 0, rows],
    ])
      expect(await formOf(shape)).toEqual(["MatMulInteger"]);
    expect(await formOf([1, rows], { target: "native" })).toEqual(["MatMulInteger"]);
    // One of two nodes has enough.
    const nodes = [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["z", "w"], ["y"])];
    const more = { node: nodes, input: [float("x", [1, rows]), float("z", [9, rows])] };
    expect(await formOf([], {}, more)).toEqual(["MatMulInteger"]);
    // Inside the graph: nodes that keep rows, those that take the most, and a shape that the file gives.
    const behind = (...nodes: NodeInit[]) => ({ node: [...nodes, node("MatMul", ["h", "w"], ["y"])] });
    const few = ["Cast, Mul", why("2 rows")];
    expect(await formOf([2, rows], {}, behind(node("Relu", ["x"], ["h"])))).toEqual(few);
    expect(
      await formOf([2, rows], {}, behind(node("MatMul", ["x", "w"], ["g"]), node("Sub", ["g", "g"], ["h"]))),
    ).toEqual(few);
    expect(await formOf([2, rows], {}, behind(node("NonZero", ["x"], ["h"])))).toEqual(["MatMulInteger"]);
    expect(await formOf([2, rows], {}, behind(node("MatMul", ["x", "x"], ["h"])))).toEqual(["MatMulInteger"]);
    const given = { valueInfo: [float("h", [2, rows])] };
    expect(await formOf([2, rows], {}, { ...behind(node("NonZero", ["x"], ["h"])), ...given })).toEqual(few);
    const two = { input: [float("x", [2, rows]), float("z", [4, 1])] };
    expect(await formOf([], {}, { ...behind(node("Add", ["x", "z"], ["h"])), ...two })).toEqual(["MatMulInteger"]);
  });

  it.each(["wasm", "native"] as const)("is what quantize_dynamic writes, names included: %s", async (target) => {
    const original = floatModel();
    const { bytes, plan } = await quantized(original, { ...all, target });
    expect(quantizedBy(plan)).toMatchObject([{ pattern: "MatMulInteger", bits: 8, granularity: "channel", axis: 1 }]);
    expect(plan.notes).toEqual([expect.stringMatching(`^MatMul as MatMulInteger for ${target}: .*int8`)]);
    expect(nodesOf(bytes)).toEqual([
      ["DynamicQuantizeLinear", "x_QuantizeLinear", ["x"], ["x_quantized", "x_scale", "x_zero_point"]],
      [
        "MatMulInteger",
        "M_quant",
        ["x_quantized", "w_quantized", "x_zero_point", "w_zero_point"],
        ["y_output_quantized"],
      ],
      ["Cast", "y_output_quantized_cast", ["y_output_quantized"], ["y_output_quantized_cast_output"]],
      ["Mul", "M_quant_scales_mul", ["x_scale", "w_scale"], ["M_quant_scales_mul:0"]],
      ["Mul", "M_quant_output_scale_mul", ["y_output_quantized_cast_output", "M_quant_scales_mul:0"], ["y"]],
    ]);
    const options = { shape: [rows, columns], axis: 1, dequantize: true } as const;
    const { quantized: codes, scales, dequantized } = channelwise.quantize(weights, options);
    const tensors = tensorsOf(bytes);
    const stored = (name: string) => {
      const { dataType, dims, rawData } = tensors.get(name) as NonNullable<ReturnType<typeof tensors.get>>;
      return { dataType, dims: dims.map(Number), bytes: rawData };
    };
    const [type, zero] = target === "native" ? [dataType.UINT8, 128] : [dataType.INT8, 0];
    expect(stored("w_quantized")).toEqual({
      ...{ dataType: type, dims: [rows, columns], bytes: Uint8Array.from(codes, (code) => code + zero) },
    });
    expect(stored("w_scale")).toEqual({
      ...{ dataType: dataType.FLOAT, dims: [columns], bytes: new Uint8Array(scales.buffer) },
    });
    expect(stored("w_zero_point")).toEqual({
      ...{ dataType: type, dims: [columns], bytes: new Uint8Array(columns).fill(zero) },
    });
    await expectIntegers(bytes, original, new Map([["w", dequantized]]));
  });

  it("has one scale and zero point per tensor", async () => {
    const original = floatModel();
    const { bytes } = await quantized(original, { ...all, granularity: "tensor" });
    const tensors = tensorsOf(bytes);
    expect([tensors.get("w_scale")?.dims, tensors.get("w_zero_point")?.dims]).toEqual([[], []]);
    const { dequantized } = channelwise.quantize(weights, { granularity: "tensor", dequantize: true });
    await expectIntegers(bytes, original, new Map([["w", dequantized]]));
  });

  it.each<[Rules, number]>([
    [{ weightType: "uint8" }, dataType.UINT8],
    [{ weightType: "uint8", zeroPoints: true }, dataType.UINT8],
    [{ weightType: "uint8", zeroPoints: true, granularity: "tensor" }, dataType.UINT8],
    [{ weightType: "int8", target: "native", bits: 7 }, dataType.INT8],
  ])("has the type of codes that is asked for, and is read back: %o", async (rules, type) => {
    const original = floatModel();
    const { bytes } = await quantized(original, { ...all, ...rules });
    for (const name of ["w_quantized", "w_zero_point"]) expect(tensorsOf(bytes).get(name)?.dataType).toBe(type);
    const { granularity = "channel", bits = 8, zeroPoints = false } = rules;
    const options = { shape: [rows, columns], axis: 1, granularity, bits, zeroPoints, dequantize: true } as const;
    const { dequantized } = channelwise.quantize(weights, options);
    await expectIntegers(bytes, original, new Map([["w", dequantized]]));
    const floats = sink();
    await dequantizeModel(channelwise, await openModel(source(bytes)), floats.sink);
    const [weight] = (await openModel(source(floats.bytes()))).tensors;
    expectSameBits(await readFloats(weight), dequantized, "weights");
  });

  it("refuses other types of codes", async () => {
    const model = await openModel(source(floatModel()));
    const rules = { weightType: "int4" } as unknown as Rules;
    expect(() => planModel(model, rules)).toThrow('weightType is "int4"; it must be "int8" or "uint8"');
  });

  it("quantizes activations once for all that take them, before the first of these", async () => {
    const square = (name: string, seed: number) => tensor(name, [rows, rows], uniform("float32", rows * rows, seed));
    // The weight of the last node comes first.
    const initializer = [square("w2", 1), square("w1", 2), square("w3", 3)];
    const nodes = [
      node("Relu", ["x"], ["h"]),
      { ...node("MatMul", ["h", "w1"], ["a"]), name: "" },
      node("MatMul", ["h", "w2"], ["b"]),
      node("Add", ["a", "b"], ["c"]),
      node("MatMul", ["c", "w3"], ["y"]),
    ];
    const original = modelBytes({ opset: 11, irVersion: 6, graph: graphOf(nodes, initializer) });
    const { bytes } = await quantized(original, all);
    const { graph } = parse(bytes);
    const product = ["MatMulInteger", "Cast", "Mul", "Mul"];
    expect(operatorsOf(graph)).toEqual([
      ...["Relu", "DynamicQuantizeLinear", ...product, ...product, "Add", "DynamicQuantizeLinear", ...product],
    ]);
    // Nodes that replace one without a name have none either, except for those that must be found again.
    expect(graph.node.slice(2, 6).map(({ name }) => name)).toEqual([
      ...["", "a_output_quantized_cast", "h_scale_w1_scale_mul", ""],
    ]);
    const [before, after] = [await run(original, { x }), await run(bytes, { x })];
    expect(sqnr(before.y.data, after.y.data)).toBeGreaterThan(25);
  });

  it("is written inside subgraphs too, of activations from outside", async () => {
    const branch = (seed: number) => ({
      graph: {
        name: "branch",
        node: [node("MatMul", ["x", "w"], ["r"])],
        initializer: [tensor("w", [rows, columns], uniform("float32", rows * columns, seed))],
        output: [float("r")],
      },
    });
    const nodes = [node("If", ["condition"], ["y"], { then_branch: branch(1), else_branch: branch(2) })];
    const condition = { name: "condition", dataType: dataType.BOOL, dims: [], rawData: Uint8Array.of(1) };
    const original = modelBytes({ opset: 13, irVersion: 7, graph: graphOf(nodes, [condition]) });
    const { bytes } = await quantized(original, all);
    const [before, after] = [await run(original, { x }), await run(bytes, { x })];
    expect(sqnr(before.y.data, after.y.data)).toBeGreaterThan(30);
  });

  it.each<[string, Rules, NodeInit[], string]>([
    ["more than 8 bits", { bits: 9 }, [matMul], "Cast, Mul"],
    ["groups", { granularity: { group: 32 } }, [matMul], "Cast, Mul"],
    ["scales along another axis", { axis: 0 }, [matMul], "Cast, Mul"],
    ["4 bits, which opset 21 packs", { bits: 4, opset: 21 }, [matMul], "Cast, Mul"],
    [
      "what is also transposed",
      {},
      [matMul, node("Transpose", ["w"], ["v"]), node("MatMul", ["x", "v"], ["z"])],
      "Cast, Mul",
    ],
    ["the first input", {}, [node("MatMul", ["w", "x"], ["y"])], "Cast, Mul"],
    [
      "a Gemm that multiplies its product",
      {},
      [node("Gemm", ["x", "w"], ["y"], { alpha: { float: 0.5 } })],
      "Cast, Mul",
    ],
    [
      "a Gemm that multiplies what it adds",
      {},
      [node("Gemm", ["x", "w", "b"], ["y"], { beta: { float: 0.5 } })],
      "Cast, Mul",
    ],
    ["a Gemm that transposes activations", {}, [node("Gemm", ["x", "w"], ["y"], { transA: 1 })], "Cast, Mul"],
    [
      "a Gemm with numbers of 1",
      {},
      [node("Gemm", ["x", "w"], ["y"], { alpha: { float: 1 }, beta: { float: 1 } })],
      "MatMulInteger",
    ],
  ])("with %s", async (_, rules, nodes, pattern) => {
    const bytes = modelBytes({ opset: 13, graph: graphOf(nodes, [matrix]) });
    expect(await patternsOf(bytes, rules)).toEqual([pattern]);
  });

  it("stays weights alone up to opset 10, and of float16", async () => {
    expect(await patternsOf(floatModel(10), {})).toEqual(["Cast, Mul"]);
    expect(await patternsOf(floatModel(11), {})).toEqual(["MatMulInteger"]);
    const half = { ...matrix, dataType: dataType.FLOAT16, rawData: new Uint8Array(2 * rows * columns) };
    expect(await patternsOf(modelBytes({ opset: 13, graph: graphOf([matMul], [half]) }), {})).toEqual(["Cast, Mul"]);
  });
});

describe("Gemm for wasm", () => {
  it.each([0, 1])("is MatMulInteger and Add, with transB = %i", async (transB) => {
    const shape = transB ? [columns, rows] : [rows, columns];
    const bias = tensor("b", [columns], uniform("float32", columns, 9));
    const gemm = { ...node("Gemm", ["x", "w", "b"], ["y"], { transB }), name: "G" };
    const graph = graphOf([gemm], [tensor("w", shape, weights), bias]);
    const original = modelBytes({ opset: 13, irVersion: 7, graph });
    const { bytes } = await quantized(original, all);
    const turned = transB ? [["Transpose", "w_quantized_Transpose", ["w_quantized"], ["w_quantized_transposed"]]] : [];
    const codes = transB ? "w_quantized_transposed" : "w_quantized";
    expect(nodesOf(bytes)).toEqual([
      ...turned,
      ["DynamicQuantizeLinear", "x_QuantizeLinear", ["x"], ["x_quantized", "x_scale", "x_zero_point"]],
      [
        "MatMulInteger",
        "G_MatMul_quant",
        ["x_quantized", codes, "x_zero_point", "w_zero_point"],
        ["y_MatMul_output_quantized"],
      ],
      [
        "Cast",
        "y_MatMul_output_quantized_cast",
        ["y_MatMul_output_quantized"],
        ["y_MatMul_output_quantized_cast_output"],
      ],
      ["Mul", "G_MatMul_quant_scales_mul", ["x_scale", "w_scale"], ["G_MatMul_quant_scales_mul:0"]],
      [
        "Mul",
        "G_MatMul_quant_output_scale_mul",
        ["y_MatMul_output_quantized_cast_output", "G_MatMul_quant_scales_mul:0"],
        ["y_MatMul"],
      ],
      ["Add", "G_Add", ["y_MatMul", "b"], ["y"]],
    ]);
    const { dequantized } = channelwise.quantize(weights, { shape, axis: transB ? 0 : 1, dequantize: true });
    await expectIntegers(bytes, original, new Map([["w", dequantized]]));
  });
});

describe("Gather for every target", () => {
  const indices = tensor("indices", [2, 3], BigInt64Array.of(0n, 5n, 63n, 7n, 7n, 1n));
  const gather = { ...node("Gather", ["w", "indices"], ["rows"]), name: "G" };
  const nodes = [gather, node("Add", ["rows", "x"], ["y"])];
  const model = (opset: number, weight = matrix) =>
    modelBytes({ opset, irVersion: 7, graph: graphOf(nodes, [weight, indices], { input: [float("x", [1])] }) });
  const one: Values = { data: Float32Array.of(0), dims: [1] };

  it.each([
    [
      "per row",
      10,
      {},
      [
        ["Gather", "G", ["w_quantized", "indices"], ["rows_quantized"]],
        ["Gather", "rows_scale_Gather", ["w_scale", "indices"], ["rows_scale"]],
        ["Cast", "rows_quantized_cast", ["rows_quantized"], ["rows_quantized_cast_output"]],
        ["Mul", "rows_Mul", ["rows_quantized_cast_output", "rows_scale"], ["rows"]],
      ],
    ],
    [
      "per tensor, as quantize_dynamic writes it",
      11,
      { granularity: "tensor" },
      [
        ["Gather", "G", ["w_quantized", "indices"], ["rows_quantized"]],
        ["DequantizeLinear", "rows_DequantizeLinear", ["rows_quantized", "w_scale", "w_zero_point"], ["rows"]],
      ],
    ],
    [
      "of uint8 per tensor",
      11,
      { granularity: "tensor", weightType: "uint8" },
      [
        ["Gather", "G", ["w_quantized", "indices"], ["rows_quantized"]],
        ["DequantizeLinear", "rows_DequantizeLinear", ["rows_quantized", "w_scale", "w_zero_point"], ["rows"]],
      ],
    ],
    [
      "of 12 bits per row",
      13,
      { bits: 12 },
      [expect.anything(), expect.anything(), expect.anything(), expect.anything()],
    ],
  ] as const)("takes codes %s", async (_, opset, rules, expected) => {
    const original = model(opset);
    for (const target of ["wasm", "portable"] as const) {
      const { bytes } = await quantized(original, { ...all, ...rules, target });
      expect(nodesOf(bytes).slice(0, -1)).toEqual(expected);
      const { weightType, bits = 8, granularity = "channel" } = rules as Rules;
      const options = { shape: [rows, columns], axis: 0, dequantize: true, bits, granularity } as const;
      const { dequantized } = channelwise.quantize(weights, options);
      expect(tensorsOf(bytes).get("w_quantized")?.dataType === dataType.UINT8).toBe(weightType === "uint8");
      const same = await run(withValues(original, new Map([["w", dequantized as Float32Array]])), { x: one });
      const { y } = await run(bytes, { x: one });
      expect(y.dims).toEqual([2, 3, columns]);
      expectSameBits(y.data, same.y.data, "rows");
    }
  });

  it("casts to the float16 of the model", async () => {
    const half = { ...matrix, dataType: dataType.FLOAT16, rawData: new Uint8Array(2 * rows * columns).fill(0x3c) };
    const graph = graphOf([gather, node("Cast", ["rows"], ["y"], { to: dataType.FLOAT })], [half, indices], {
      input: [],
    });
    const { bytes } = await quantized(modelBytes({ opset: 13, irVersion: 7, graph }), all);
    expect(operatorsOf(parse(bytes).graph)).toEqual(["Gather", "Gather", "Cast", "Mul", "Cast", "Cast"]);
    const { y } = await run(bytes, {});
    expect(y.data).toEqual(new Float32Array(6 * columns).fill(1.05859375));
  });

  it.each<[string, Rules, NodeInit]>([
    ["columns", {}, node("Gather", ["w", "indices"], ["y"], { axis: 1 })],
    ["rows with scales of columns", { axis: 1 }, node("Gather", ["w", "indices"], ["y"])],
    ["rows with scales of groups", { granularity: { group: 8 } }, node("Gather", ["w", "indices"], ["y"])],
  ])("makes floats of all weights where it takes %s", async (_, rules, node) => {
    const bytes = modelBytes({ opset: 13, graph: graphOf([node], [matrix, indices]) });
    expect(await patternsOf(bytes, rules)).toEqual(["Cast, Mul"]);
  });
});

describe("what is written", () => {
  const table = tensor("table", [rows, rows], uniform("float32", rows * rows, 1));
  const indices = tensor("indices", [5], BigInt64Array.of(3n, 1n, 4n, 1n, 5n));
  const nodes = [
    node("Gather", ["table", "indices"], ["rows"]),
    node("Add", ["rows", "x"], ["h"]),
    node("MatMul", ["h", "w"], ["m"]),
    node("Gemm", ["h", "v", "b"], ["g"], { transB: 1 }),
    node("Add", ["m", "g"], ["y"]),
  ];
  const initializer = [
    ...[table, indices, matrix, tensor("v", [columns, rows], uniform("float32", columns * rows, 2))],
    tensor("b", [columns], uniform("float32", columns, 8)),
  ];
  const original = modelBytes({ opset: 13, irVersion: 7, graph: graphOf(nodes, initializer) });

  it.each<[string, Rules]>([
    ["per channel", {}],
    ["per tensor", { granularity: "tensor" }],
  ])("is read back, compared and made float again: %s", async (_, rules) => {
    const { bytes, errors } = await quantized(original, { ...all, ...rules });
    const model = await openModel(source(bytes));
    const { quantized: found, unreadable } = await inspectModel(model);
    expect(unreadable).toEqual([]);
    expect(found.map(({ name, pattern }) => [name, pattern])).toEqual([
      ["table", "Gather"],
      ["w", "MatMulInteger"],
      ["v", "MatMulInteger"],
    ]);
    const { tensors, missing, added } = await compareModels(channelwise, await openModel(source(original)), model);
    expect({ missing, added }).toEqual({ missing: [], added: [] });
    for (const { tensor, sqnr } of errors) {
      expect(tensors).toContainEqual(expect.objectContaining({ tensor, sqnr: expect.closeTo(sqnr, 6) }));
    }
    const floats = sink();
    await dequantizeModel(channelwise, model, floats.sink);
    const operators = operatorsOf(parse(floats.bytes()).graph).filter((operator) => operator !== "Constant");
    expect(operators).toEqual(["Gather", "Add", "MatMul", "Transpose", "MatMul", "Add", "Add"]);
    const dequantized = new Map<string, Float32Array>();
    for (const { name, shape } of found) {
      const values = new Float32Array(tensorsOf(original).get(name)?.rawData.slice().buffer as ArrayBuffer);
      const options = { shape, axis: name === "w" ? 1 : 0, dequantize: true, ...rules } as const;
      dequantized.set(name, channelwise.quantize(values, options as { dequantize: true }).dequantized);
    }
    const expected = await run(withValues(original, dequantized), { x });
    const actual = await run(floats.bytes(), { x });
    expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(110);
  });
});

describe("a target", () => {
  it.each<[string, Rules, string]>([
    ["wasm", { target: "wasm" }, "MatMulInteger"],
    ["wasm by default", {}, "MatMulInteger"],
    ["native", { target: "native" }, "MatMulInteger"],
    ["portable", { target: "portable" }, "DequantizeLinear"],
    ["webgpu", { target: "webgpu" }, "Cast, Mul"],
    ["webgpu, 4 bits in groups", { target: "webgpu", bits: 4, granularity: { group: 32 } }, "MatMulNBits"],
    ["native, 4 bits in groups", { target: "native", bits: 4, granularity: { group: 32 } }, "MatMulNBits"],
    ["wasm, 4 bits in groups", { target: "wasm", bits: 4, granularity: { group: 32 } }, "Cast, Mul"],
    ["portable, 4 bits in groups", { target: "portable", bits: 4, granularity: { group: 32 } }, "Cast, Mul"],
  ])("%s", async (_, rules, pattern) => {
    expect(await patternsOf(floatModel(), rules)).toEqual([pattern]);
  });

  it("computes products of codes in groups as its runtime is fastest", async () => {
    for (const [target, level] of [
      ["native", 4n],
      ["webgpu", 1n],
    ] as const) {
      const rules = { ...all, target, bits: 4, granularity: { group: 32 } } as const;
      const { bytes } = await quantized(floatModel(), rules);
      const { attribute } = parse(bytes).graph.node[0];
      expect(attribute.find(({ name }) => name === "accuracy_level")?.i).toBe(level);
    }
  });

  it("is refused with the node that prevents it, and by default is one that the model can have", async () => {
    const custom = (domain: string) =>
      modelBytes({
        opset: 13,
        domains: [domain],
        graph: graphOf([matMul, { ...node("Fused", ["y"], ["z"]), name: "F", domain }], [matrix]),
      });
    const plan = async (domain: string, rules: Rules) => planModel(await openModel(source(custom(domain))), rules);
    await expect(plan("com.example", { target: "wasm" })).rejects.toThrow(
      'target is "wasm", and Fused "F" is an operator of com.example, which onnxruntime-web does not have',
    );
    await expect(plan("com.microsoft", { target: "portable" })).rejects.toThrow(
      'target is "portable", and Fused "F" is an operator of com.microsoft, which ONNX itself does not have',
    );
    expect((await plan("com.microsoft", all)).notes).toEqual([expect.stringContaining(" for wasm: ")]);
    expect((await plan("com.example", all)).notes).toEqual([expect.stringContaining(" for native: ")]);
  });

  it("is of .onnx models alone", () => {
    const model = { format: "npy", tensors: [] } as unknown as Parameters<typeof planModel>[0];
    for (const option of [{ target: "wasm" }, { weightType: "uint8" }] as const) {
      const [name] = Object.keys(option);
      expect(() => planModel(model, option)).toThrow(`${name} is an option for .onnx models, and this is another file`);
    }
  });
});
