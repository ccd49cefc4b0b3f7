import type { QuantizeOptions } from "channelwise";
import {
  compareModels,
  dequantizeModel,
  inspectModel,
  type Model,
  openModel,
  planModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { channelwise, everything, quantized, sink, source } from "./memory.js";
import {
  dataType,
  float,
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
import { run, sqnr } from "./runtime.js";

interface LayerShape {
  shape: number[];
  input: number[];
  axis: number;
}

const layers = {
  MatMul: { shape: [64, 24], input: [5, 64], axis: 1 },
  // With 63 weights, codes of less than a byte do not fill the last byte.
  "MatMul of an odd size": { shape: [7, 9], input: [5, 7], axis: 1 },
  Conv: { shape: [8, 16, 3, 2], input: [1, 16, 6, 6], axis: 0 },
  ConvTranspose: { shape: [32, 6, 2, 2], input: [1, 32, 3, 3], axis: 1 },
} satisfies Record<string, LayerShape>;

type Layer = keyof typeof layers;

function build(layer: Layer, opset: number, irVersion = 7) {
  const { shape, input }: LayerShape = layers[layer];
  const weights = uniform(
    "float32",
    shape.reduce((a, b) => a * b, 1),
    3,
  );
  const graph = {
    node: [node(layer.split(" ")[0], ["x", "w"], ["y"])],
    initializer: [tensor("w", shape, weights)],
    input: [float("x", input)],
    output: [float("y")],
  };
  const inputs = {
    x: {
      data: uniform(
        "float32",
        input.reduce((a, b) => a * b, 1),
        4,
      ),
      dims: input,
    },
  };
  return { bytes: modelBytes({ opset, irVersion, graph }), weights, inputs };
}

/** The operators that turn codes into weights. */
type Pattern = "DequantizeLinear" | "Cast, Mul" | "MatMulNBits";

/** Expects that a quantized model computes what the float one does with the dequantized weights. */
async function expectSameOutput(
  { bytes, inputs }: ReturnType<typeof build>,
  written: Uint8Array,
  dequantized: Float32Array,
) {
  const expected = await run(withValues(bytes, new Map([["w", dequantized]])), inputs);
  const actual = await run(written, inputs);
  expect(actual.y.dims).toEqual(expected.y.dims);
  expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(110);
}

/** Expects that the weights are read back bit for bit, with their errors against the float model. */
async function expectReadBack(written: Uint8Array, pattern: Pattern, original: Uint8Array, expected: Float32Array) {
  const model = await openModel(source(written));
  const { quantized, kept, unreadable } = await inspectModel(model);
  expect(quantized).toMatchObject([{ name: "w", pattern }]);
  expect({ kept, unreadable }).toEqual({ kept: [], unreadable: [] });
  const [weight] = quantized;
  expectSameBits(await dequantizedOf(model), expected, "weights");
  expect(() => planModel(model)).toThrow("the model is quantized already");
  const float = await openModel(source(original));
  expect(weight.shape).toEqual(float.tensors[0].shape);
  const { tensors, missing, added } = await compareModels(channelwise, float, model);
  expect({ tensors, missing, added }).toMatchObject({
    tensors: [{ tensor: "w", result: "near", bytesAfter: weight.byteLength }],
    ...{ missing: [], added: [] },
  });
}

/** The only weight of a quantized model, which is the only float tensor of the dequantized model. */
async function dequantizedOf(model: Model): Promise<Float32Array> {
  const output = sink();
  await dequantizeModel(channelwise, model, output.sink);
  const { tensors } = await openModel(source(output.bytes()));
  return (await readFloats(tensors[0])) as Float32Array;
}

const group = { granularity: { group: 32 } };
const channel = {};
const perTensor = { granularity: "tensor" } as const;
const [castMul, castMulReshape] = [
  ["Cast", "Mul"],
  ["Cast", "Mul", "Reshape"],
];
const linear = ["DequantizeLinear"];
const { INT8, INT16, INT4, INT2, UINT8 } = dataType;

/** The output for each opset: the pattern, its nodes, and the type of the codes. */
const written: [Layer, number, Rules & { bits: number }, Pattern, string[], number][] = [
  ["MatMul", 9, { bits: 8, ...channel }, "Cast, Mul", castMul, INT8],
  ["MatMul", 12, { bits: 8, ...channel }, "Cast, Mul", castMul, INT8],
  ["MatMul", 13, { bits: 8, ...channel }, "DequantizeLinear", linear, INT8],
  ["MatMul", 20, { bits: 8, ...channel }, "DequantizeLinear", linear, INT8],
  ["MatMul", 25, { bits: 8, ...channel }, "DequantizeLinear", linear, INT8],
  ["MatMul", 9, { bits: 8, ...perTensor }, "Cast, Mul", castMul, INT8],
  ["MatMul", 13, { bits: 8, ...perTensor }, "DequantizeLinear", linear, INT8],
  ["MatMul", 12, { bits: 8, ...group }, "Cast, Mul", castMulReshape, INT8],
  ["MatMul", 20, { bits: 8, ...group }, "Cast, Mul", castMulReshape, INT8],
  ["MatMul", 21, { bits: 8, ...group }, "DequantizeLinear", linear, INT8],

  ["MatMul", 9, { bits: 16, ...channel }, "Cast, Mul", castMul, INT16],
  ["MatMul", 20, { bits: 12, ...channel }, "Cast, Mul", castMul, INT16],
  ["MatMul", 21, { bits: 12, ...channel }, "DequantizeLinear", linear, INT16],
  ["MatMul", 21, { bits: 9, ...group }, "DequantizeLinear", linear, INT16],

  ["MatMul", 12, { bits: 4, ...channel }, "Cast, Mul", castMul, INT8],
  ["MatMul", 20, { bits: 4, ...channel }, "DequantizeLinear", linear, INT8],
  ["MatMul", 21, { bits: 4, ...channel }, "DequantizeLinear", linear, INT4],
  ["MatMul", 21, { bits: 3, ...channel }, "DequantizeLinear", linear, INT4],
  ["MatMul", 24, { bits: 2, ...channel }, "DequantizeLinear", linear, INT4],
  ["MatMul", 25, { bits: 2, ...channel }, "DequantizeLinear", linear, INT2],
  ["MatMul", 21, { bits: 5, ...channel }, "DequantizeLinear", linear, INT8],
  ["MatMul of an odd size", 21, { bits: 4, ...channel }, "DequantizeLinear", linear, INT4],
  ["MatMul of an odd size", 21, { bits: 4, ...perTensor }, "DequantizeLinear", linear, INT4],
  ["MatMul of an odd size", 25, { bits: 2, ...perTensor }, "DequantizeLinear", linear, INT2],

  ["MatMul", 9, { bits: 4, ...group, target: "webgpu" }, "MatMulNBits", [], UINT8],
  ["MatMul", 20, { bits: 4, ...group, target: "webgpu" }, "MatMulNBits", [], UINT8],
  ["MatMul", 13, { bits: 8, ...group, target: "webgpu" }, "MatMulNBits", [], UINT8],
  ["MatMul", 13, { bits: 2, ...group, target: "webgpu", scales: "search" }, "MatMulNBits", [], UINT8],
  ["MatMul", 20, { bits: 4, ...group }, "Cast, Mul", castMulReshape, INT8],
  ["MatMul", 21, { bits: 4, ...group }, "DequantizeLinear", linear, INT4],

  // Scales of either sign.
  ["MatMul", 12, { bits: 4, scales: "signed-max", ...channel }, "Cast, Mul", castMul, INT8],
  ["MatMul", 20, { bits: 4, scales: "signed-max", ...group, target: "webgpu" }, "MatMulNBits", [], UINT8],
  ["MatMul", 21, { bits: 4, scales: "signed-max", ...group }, "DequantizeLinear", linear, INT4],
  ["Conv", 13, { bits: 8, scales: "signed-max", ...channel }, "DequantizeLinear", linear, INT8],

  ["Conv", 9, { bits: 8, ...channel }, "Cast, Mul", castMul, INT8],
  ["Conv", 13, { bits: 8, ...channel }, "DequantizeLinear", linear, INT8],
  ["Conv", 9, { bits: 8, ...perTensor }, "Cast, Mul", castMul, INT8],
  ["Conv", 20, { bits: 4, ...group }, "Cast, Mul", castMulReshape, INT8],
  ["Conv", 21, { bits: 4, ...group }, "DequantizeLinear", ["DequantizeLinear", "Reshape"], INT4],
  ["ConvTranspose", 9, { bits: 8, ...channel }, "Cast, Mul", castMul, INT8],
  ["ConvTranspose", 13, { bits: 8, ...channel }, "DequantizeLinear", linear, INT8],
  ["ConvTranspose", 20, { bits: 8, ...group }, "Cast, Mul", castMulReshape, INT8],
  ["ConvTranspose", 21, { bits: 4, ...group }, "DequantizeLinear", linear, INT4],
];

describe.each(written)("%s, opset %i, %o", (layer, opset, rules, pattern, operators, type) => {
  const { shape, axis }: LayerShape = layers[layer];
  const { bits } = rules;
  const options: QuantizeOptions & { shape: number[] } =
    typeof rules.granularity === "object"
      ? layer === "Conv"
        ? { shape: [8, 96], granularity: { group: 32, along: 1 } }
        : { shape, granularity: { group: 32, along: 0 } }
      : { shape, axis, granularity: rules.granularity ?? "channel" };

  it(`is written with ${pattern}, and ONNX Runtime computes the same`, async () => {
    const built = build(layer, opset);
    const { dequantized, mse, maxError, sqnr } = channelwise.quantize(built.weights, {
      ...options,
      bits,
      scales: rules.scales ?? "max",
      dequantize: true,
    });
    const result = await quantized(built.bytes, { ...everything, ...rules });
    expect(quantizedBy(result.plan)).toMatchObject([{ pattern, bits }]);
    expect(result.errors).toEqual([{ ...result.plan.decisions[0], mse, maxError, sqnr }]);
    await expectReadBack(result.bytes, pattern, built.bytes, dequantized as Float32Array);

    const consumer = pattern === "MatMulNBits" ? pattern : layer.split(" ")[0];
    const { graph, irVersion, opsetImport } = parse(result.bytes);
    expect(operatorsOf(graph)).toEqual([...operators, consumer]);
    const codes = tensorsOf(result.bytes).get(pattern === "MatMulNBits" ? `w_Q${bits}` : "w_quantized");
    expect(codes?.dataType).toBe(type);
    expect(Number(irVersion)).toBe(type === INT2 ? 13 : type === INT4 ? 10 : 7);
    expect(opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([
      ["", opset],
      ...(pattern === "MatMulNBits" ? [["com.microsoft", 1]] : []),
    ]);
    await expectSameOutput(built, result.bytes, dequantized);
  });
});

describe("the weights of models that others quantized", () => {
  const random = (count: number, seed: number) =>
    Uint8Array.from(uniform("float32", count, seed), (value) => Math.floor((value + 1) * 128));
  const scales = (count: number) => uniform("float32", count, 5).map((value) => Math.abs(value) / 100);
  const unit = (size: number) => Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  const raw = (name: string, type: number, shape: number[], rawData: Uint8Array) => {
    return { name, dataType: type, dims: shape.map(BigInt), rawData: Uint8Array.from(rawData) };
  };
  const { UINT16, UINT4 } = dataType;
  /** Zero points as ONNX Runtime's tools write them: each is a field of 32 bits. */
  const inFields = ({ rawData, ...head }: ReturnType<typeof raw>) => {
    const { buffer } = rawData;
    const ofType = { [INT8]: Int8Array, [UINT16]: Uint16Array }[head.dataType] ?? Uint8Array;
    return { ...head, int32Data: [...new ofType(buffer)] };
  };
  const nbits = (bits: number) => ({ K: 40, N: 6, bits, block_size: 16 });

  it.each<[string, number, object, number[], number, number, number[], number[]]>([
    // Codes, attributes, shape and type of codes, bits, shapes of scales and of zero points.
    ["DequantizeLinear", 13, { axis: -1 }, [40, 6], UINT8, 8, [6], [6]],
    ["DequantizeLinear", 13, {}, [40, 6], INT8, 8, [], []],
    ["DequantizeLinear", 21, { axis: 0, block_size: 16 }, [40, 6], UINT4, 4, [3, 6], [3, 6]],
    ["DequantizeLinear", 21, { axis: 1 }, [40, 6], UINT16, 16, [6], [6]],
    ["MatMulNBits", 13, nbits(4), [6, 3, 8], UINT8, 4, [18], [6 * 2]],
    ["MatMulNBits", 13, nbits(8), [6, 3, 16], UINT8, 8, [18], [18]],
  ])(
    "with zero points, as ONNX Runtime has them: %s, opset %i, %o",
    async (...[operator, opset, attributes, shape, type, bits, scaleShape, zeroShape]) => {
      const size = (of: number[]) => of.reduce((a, b) => a * b, 1);
      const isMatMul = operator === "MatMulNBits";
      const bytesOf = (of: number[]) => (isMatMul ? size(of) : Math.ceil((size(of) * bits) / 8));
      const takes = ["w_quantized", "w_scale", "w_zero_point"];
      const nodes = isMatMul
        ? [{ ...node(operator, ["x", ...takes], ["y"], { ...attributes }), domain: "com.microsoft" }]
        : [node(operator, takes, ["w"], { ...attributes }), node("MatMul", ["x", "w"], ["y"])];
      const zeroPoints = raw("w_zero_point", type, zeroShape, random(bytesOf(zeroShape), 2));
      const bytes = modelBytes({
        opset,
        domains: isMatMul ? ["com.microsoft"] : [],
        graph: {
          node: nodes,
          initializer: [
            raw("w_quantized", type, shape, random(bytesOf(shape), 1)),
            tensor("w_scale", scaleShape, scales(size(scaleShape))),
            isMatMul ? zeroPoints : inFields(zeroPoints),
          ],
          input: [float("x", [40, 40])],
          output: [float("y")],
        },
      });
      const model = await openModel(source(bytes));
      const { quantized, kept } = await inspectModel(model);
      expect(quantized).toMatchObject([{ pattern: operator, shape: [40, 6], scheme: { bits } }]);
      expect(kept).toEqual([]);
      const { y } = await run(bytes, { x: { data: unit(40), dims: [40, 40] } });
      expectSameBits(await dequantizedOf(model), y.data as Float32Array, "weights");
    },
  );

  it("with negative scales, whose codes of zero give +0", async () => {
    const codes = Uint8Array.of(0, 3, -3, 0, 5, 0);
    const initializer = [
      raw("w_quantized", INT8, [2, 3], codes),
      tensor("w_scale", [3], Float32Array.of(-2, 0.5, -(2 ** -149))),
    ];
    const nodes = [node("DequantizeLinear", ["w_quantized", "w_scale"], ["w"], { axis: 1 })];
    const graph = { node: [...nodes, node("MatMul", ["x", "w"], ["y"])], initializer };
    const model = await openModel(source(modelBytes({ opset: 13, graph })));
    const expected = Float32Array.of(0, 1.5, 3 * 2 ** -149, 0, 2.5, 0);
    expectSameBits(await dequantizedOf(model), expected, "weights");
  });

  it("names those that it does not read", async () => {
    const initializer = [raw("w_quantized", INT8, [40, 6], random(240, 1)), raw("zero", INT8, [], random(1, 1))];
    const graph = { node: [node("MatMulInteger", ["x", "w_quantized", "zero", "zero"], ["y"])], initializer };
    const { quantized, unreadable } = await inspectModel(await openModel(source(modelBytes({ opset: 13, graph }))));
    expect(quantized).toEqual([]);
    const reason =
      'MatMulInteger "y node" uses its codes, and its activations are not quantized by DynamicQuantizeLinear';
    expect(unreadable).toEqual([{ tensor: "w", byteLength: 240, reason }]);
  });
});

describe("a comparison", () => {
  const [one, other] = [uniform("float32", 1024, 1), uniform("float32", 1024, 2).map((value) => value ** 3)];
  const branch = (data: Float32Array) => ({
    graph: {
      node: [node("MatMul", ["x", "w"], ["r"])],
      initializer: [tensor("w", [32, 32], data)],
      output: [float("r")],
    },
  });
  const model = (bias: TensorInit, named = "bias") =>
    modelBytes({
      opset: 13,
      graph: {
        node: [
          node("If", ["condition"], ["a"], { then_branch: branch(one), else_branch: branch(other) }),
          node("Add", ["a", named], ["y"]),
        ],
        initializer: [bias],
        input: [float("x", [1, 32]), float("condition", [])],
        output: [float("y")],
      },
    });
  const zeros = (name = "bias") => tensor(name, [32], new Float32Array(32));
  const compared = async (bytes: Uint8Array) =>
    compareModels(channelwise, await openModel(source(model(zeros()))), await openModel(source(bytes)));

  it("knows the weights of subgraphs that have one name", async () => {
    const { bytes, errors } = await quantized(model(zeros()), { minimumSize: 1024 });
    expect(errors[1].sqnr).toBeLessThan(errors[0].sqnr - 1);
    const { tensors } = await compared(bytes);
    const near = (sqnr: number) => ({ tensor: "w", result: "near", sqnr: expect.closeTo(sqnr, 5) });
    const weights = errors.map(({ sqnr }) => near(sqnr));
    expect(tensors).toMatchObject([...weights, { tensor: "bias", result: "same" }]);
  });

  it("measures floats too, and says what is missing, added or of another shape", async () => {
    const half = tensor("bias", [32], new Float32Array(32).fill(0.5));
    expect((await compared(model(half))).tensors.at(-1)).toMatchObject({
      tensor: "bias",
      result: "near",
      maxError: 0.5,
    });
    const reason = "its shape is [1, 32], and the original's [32]";
    const row = tensor("bias", [1, 32], new Float32Array(32));
    expect((await compared(model(row))).tensors.at(-1)).toMatchObject({ tensor: "bias", result: "other", reason });
    expect(await compared(model(zeros("offset"), "offset"))).toMatchObject({
      ...{ missing: ["bias"], added: ["offset"] },
      tensors: [{ result: "same" }, { result: "same" }],
    });
  });
});

describe("what is written", () => {
  it("has DequantizeLinear's axis always, and the names that ONNX Runtime's tools give", async () => {
    const { bytes } = await quantized(build("MatMul", 13).bytes);
    const [first] = parse(bytes).graph.node;
    expect(first).toMatchObject({
      opType: "DequantizeLinear",
      name: "w_DequantizeLinear",
      input: ["w_quantized", "w_scale"],
      output: ["w"],
    });
    expect(first.attribute.map(({ name, i }) => [name, Number(i)])).toEqual([["axis", 1]]);
  });

  it.each([
    [12, { name: "w_Cast", input: ["w_quantized_1"], output: ["w_Cast_Output_1"] }],
    [13, { name: "w_DequantizeLinear_1", input: ["w_quantized_1", "w_scale_1"], output: ["w"] }],
  ])("takes other names where those are taken, opset %i", async (opset, expected) => {
    const { shape, input } = layers.MatMul;
    const weights = uniform("float32", 64 * 24, 3);
    const graph = {
      node: [
        node("MatMul", ["x", "w"], ["w_scale"]),
        node("Add", ["w_scale", "w_quantized"], ["w_Cast_Output"]),
        { ...node("Identity", ["w_Cast_Output"], ["z"]), name: "w_DequantizeLinear" },
      ],
      initializer: [tensor("w", shape, weights), tensor("w_quantized", [24], uniform("float32", 24, 8))],
      input: [float("x", input)],
      output: [float("z")],
    };
    const bytes = modelBytes({ opset, irVersion: 7, graph });
    const result = await quantized(bytes);
    expect(parse(result.bytes).graph.node[0]).toMatchObject(expected);
    const inputs = { x: { data: uniform("float32", 5 * 64, 4), dims: input } };
    const [before, after] = [await run(bytes, inputs), await run(result.bytes, inputs)];
    expect(sqnr(before.z.data, after.z.data)).toBeGreaterThan(30);
  });

  it("keeps an IR version that is high enough, and imports com.microsoft once", async () => {
    const { bytes } = build("MatMul", 21, 11);
    expect(parse((await quantized(bytes, { ...everything, bits: 4 })).bytes).irVersion).toBe(11n);

    const model = build("MatMul", 12).bytes;
    const once = await quantized(model, { ...everything, target: "webgpu", bits: 4, granularity: { group: 16 } });
    expect(parse(once.bytes).opsetImport).toHaveLength(2);
  });

  it("turns every MatMul of a weight into MatMulNBits, keeping its name and output", async () => {
    const weights = uniform("float32", 64 * 64, 3);
    const graph = {
      node: [node("MatMul", ["x", "w"], ["h"]), { ...node("MatMul", ["h", "w"], ["y"]), domain: "ai.onnx" }],
      initializer: [tensor("w", [64, 64], weights)],
      input: [float("x", [5, 64])],
      output: [float("y")],
    };
    const bytes = modelBytes({ opset: 12, graph });
    const result = await quantized(bytes, { ...everything, target: "webgpu", bits: 4, granularity: { group: 16 } });
    const nodes = parse(result.bytes).graph.node;
    expect(nodes.map(({ domain, name, input }) => [domain, name, input])).toEqual([
      ["com.microsoft", "h node", ["x", "w_Q4", "w_scales"]],
      ["com.microsoft", "y node", ["h", "w_Q4", "w_scales"]],
    ]);
    const options = { shape: [64, 64], bits: 4, granularity: { group: 16, along: 0 }, dequantize: true } as const;
    const { dequantized } = channelwise.quantize(weights, options);
    const inputs = { x: { data: uniform("float32", 5 * 64, 4), dims: [5, 64] } };
    const expected = await run(withValues(bytes, new Map([["w", dequantized]])), inputs);
    expect(sqnr(expected.y.data, (await run(result.bytes, inputs)).y.data)).toBeGreaterThan(110);
  });
});

describe.each<[string, NodeInit[], string[]]>([
  ["Gemm", [node("Gemm", ["x", "w", "b"], ["y"])], ["MatMulNBits", "Add"]],
  ["Gemm with transB", [node("Gemm", ["x", "w", "b"], ["y"], { transB: 1 })], ["MatMulNBits", "Add"]],
  ["Gemm without a bias", [node("Gemm", ["x", "w"], ["y"], { transB: 1, beta: { float: 1 } })], ["MatMulNBits"]],
  [
    "a Transpose of two MatMul",
    [
      node("Transpose", ["w"], ["t"], { perm: [1, 0] }),
      node("MatMul", ["x", "t"], ["y"]),
      node("MatMul", ["x", "t"], ["z"]),
    ],
    ["MatMulNBits", "MatMulNBits"],
  ],
  [
    "a Transpose that does nothing",
    [node("Transpose", ["w"], ["t"], { perm: [0, 1] }), node("MatMul", ["x", "t"], ["y"])],
    ["MatMulNBits"],
  ],
])("MatMulNBits of %s", (name, nodes, operators) => {
  // Rows of 80 leave a shorter group, and three groups do not fill a byte of zero points.
  const isTurned = /transB|bias|two/.test(name);
  const shape = isTurned ? [6, 80] : [80, 6];
  const weights = uniform("float32", 480, 3).map((weight) => weight + 0.2);
  const bias = tensor("b", [6], uniform("float32", 6, 5));
  const graph = {
    ...{ node: nodes, input: [float("x", [5, 80])], output: [float("y")] },
    initializer: [tensor("w", shape, weights), ...(operators.includes("Add") ? [bias] : [])],
  };
  const bytes = modelBytes({ opset: 17, irVersion: 7, graph });
  const inputs = { x: { data: uniform("float32", 5 * 80, 4), dims: [5, 80] } };

  it.each([{ bits: 4 }, { bits: 4, zeroPoints: true }, { bits: 8 }])(
    "%j is read back bit for bit, and computes the same",
    async (rules) => {
      const result = await quantized(bytes, { ...everything, target: "webgpu", ...group, ...rules });
      expect(quantizedBy(result.plan)).toMatchObject([{ pattern: "MatMulNBits" }]);
      expect(operatorsOf(parse(result.bytes).graph)).toEqual(operators);
      const model = await openModel(source(result.bytes));
      const { quantized: found } = await inspectModel(model);
      expect(found).toMatchObject([
        { name: "w", shape, pattern: "MatMulNBits", zeroPoints: rules.zeroPoints ?? false },
      ]);
      const output = sink();
      await dequantizeModel(channelwise, model, output.sink);
      const floats = await openModel(source(output.bytes()));
      const dequantized = (await readFloats(floats.tensors[0])) as Float32Array;
      const { tensors } = await compareModels(channelwise, await openModel(source(bytes)), model);
      const near = tensors.find(({ tensor }) => tensor === "w");
      expect(near).toMatchObject({ result: "near", sqnr: expect.closeTo(result.errors[0].sqnr, 6) });
      expect(sqnr(weights, dequantized)).toBeCloseTo(result.errors[0].sqnr, 3);
      const expected = await run(withValues(bytes, new Map([["w", dequantized]])), inputs);
      for (const written of [result.bytes, output.bytes()]) {
        expect(sqnr(expected.y.data, (await run(written, inputs)).y.data)).toBeGreaterThan(110);
      }
    },
  );
});

it.each([
  [["x", "w"], "MatMulNBits"],
  [["x", "w", "b"], "Cast, Mul"], // its bias would need a node after it
])("Gemm of %j becomes float16 as %s", async (inputs, pattern) => {
  const [weights, bias] = [uniform("float32", 480, 3), tensor("b", [6], uniform("float32", 6, 5))];
  const graph = {
    ...{ node: [node("Gemm", inputs, ["y"], { transB: 1 })], input: [float("x", [5, 80])], output: [float("y")] },
    initializer: [tensor("w", [6, 80], weights), ...(inputs.length > 2 ? [bias] : [])],
  };
  const bytes = modelBytes({ opset: 17, graph });
  const result = await quantized(bytes, { ...everything, target: "webgpu", bits: 8, ...group, float16: true });
  expect(quantizedBy(result.plan)).toMatchObject([{ pattern }]);
  const x = { data: uniform("float32", 5 * 80, 4), dims: [5, 80] };
  expect(sqnr((await run(bytes, { x })).y.data, (await run(result.bytes, { x })).y.data)).toBeGreaterThan(40);
});

it.each<[string, Rules, NodeInit[]]>([
  ["groups of 8", { bits: 4, granularity: { group: 8 } }, [node("MatMul", ["x", "w"], ["y"])]],
  ["groups of 48", { bits: 4, granularity: { group: 48 } }, [node("MatMul", ["x", "w"], ["y"])]],
  ["3 bits", { bits: 3, ...group }, [node("MatMul", ["x", "w"], ["y"])]],
  ["the first input", { bits: 4, axis: 1, ...group }, [node("MatMul", ["w", "x"], ["y"])]],
  [
    "what another operator takes too",
    { bits: 4, ...group },
    [node("MatMul", ["x", "w"], ["y"]), node("Einsum", ["x", "w"], ["z"], { equation: "ij,jk->ik" })],
  ],
  ["the product of a Gemm", { bits: 4, ...group }, [node("Gemm", ["x", "w"], ["y"], { alpha: { float: 0.5 } })]],
  [
    "what is transposed for one node only",
    { bits: 4, ...group },
    [node("MatMul", ["x", "w"], ["y"]), node("Gemm", ["x", "w"], ["z"], { transB: 1 })],
  ],
])("MatMulNBits cannot have %s", async (_, rules, nodes) => {
  const graph = { node: nodes, initializer: [tensor("w", [96, 96], new Float32Array(96 * 96))] };
  const model = await openModel(source(modelBytes({ opset: 20, graph })));
  expect(quantizedBy(planModel(model, { ...everything, target: "webgpu", ...rules }))).toMatchObject([
    { pattern: "Cast, Mul" },
  ]);
});

it.each<[string, number[], string[], number, Rules?]>([
  ["MatMul", [2, 32, 32], ["x", "w"], 1],
  ["MatMul", [2, 32, 32], ["w", "x"], 2],
  ["MatMul", [2, 32, 32], ["w", "x"], 1, { axis: 2 }],
  ["Gemm", [32, 32], ["x", "w"], 0],
  ["ConvTranspose", [32, 32, 3, 3], ["x", "w"], 0],
  ["LSTM", [1, 32, 32], ["x", "w", "r"], 2],
  ["Gather", [32, 32], ["w", "x"], 1],
])("groups of %s %j run along what a channel sums over", async (operator, shape, inputs, along, rules) => {
  const size = shape.reduce((a, b) => a * b);
  const graph = { node: [node(operator, inputs, ["y"])], initializer: [tensor("w", shape, new Float32Array(size))] };
  const model = await openModel(source(modelBytes({ opset: 21, graph })));
  const [{ granularity }] = quantizedBy(planModel(model, { ...everything, ...rules, granularity: { group: 8 } }));
  expect(granularity).toEqual({ group: 8, along });
});

describe("packed codes of weights that come in several chunks, which begin and end within a byte", () => {
  it.each([
    ["rows", "Gemm", [1100, 1001], 0, { transB: 1 }],
    ["strips of columns", "MatMul", [3, 1_100_001], 1, {}],
  ] as const)("%s", async (_, operator, shape, axis, attributes) => {
    const weights = uniform("float32", shape[0] * shape[1], 3);
    const graph = {
      node: [node(operator, ["x", "w"], ["y"], attributes)],
      initializer: [tensor("w", shape, weights)],
      input: [float("x")],
      output: [float("y")],
    };
    for (const [bits, opset] of [
      [4, 21],
      [2, 25],
    ] as const) {
      const { bytes } = await quantized(modelBytes({ opset, graph }), { ...everything, bits });
      const { quantized: codes } = channelwise.quantize(weights, { shape, axis, bits });
      const expected = new Int8Array(Math.ceil((codes.length * bits) / 8));
      codes.forEach((code, i) => {
        expected[Math.floor((i * bits) / 8)] |= (code & (2 ** bits - 1)) << ((i * bits) % 8);
      });
      const actual = tensorsOf(bytes).get("w_quantized")?.rawData.slice() as Uint8Array;
      expectSameBits(new Int8Array(actual.buffer), expected, "codes");
    }
  });
});

it.each<[number, number, string[]]>([
  [4, 20, ["a code takes 8 bits in the file: opset 21 is the first to pack 4, and this is 20"]],
  [2, 20, ["a code takes 8 bits in the file: opset 21 is the first to pack 4, and this is 20"]],
  [2, 24, ["a code takes 4 bits in the file: opset 25 is the first to pack 2, and this is 24"]],
  [3, 25, ["a code takes 4 bits in the file: ONNX has no type of 3 bits"]],
  [6, 21, ["a code takes 8 bits in the file: ONNX has no type of 6 bits"]],
  [12, 13, ["a code takes 16 bits in the file: ONNX has no type of 12 bits"]],
  [4, 21, []],
  [2, 25, []],
  [8, 9, []],
  [16, 9, []],
])("codes of %i bits in opset %i say where they take more in the file", async (bits, opset, notes) => {
  const model = await openModel(source(build("Conv", opset).bytes));
  expect(quantizedBy(planModel(model, { ...everything, bits }))[0].notes).toEqual(notes);
});

it("ONNX Runtime's WebAssembly computes the same at every level of optimization", async () => {
  for (const [opset, rules] of [
    [13, {}],
    [21, { bits: 4, ...group }],
    [12, { bits: 4, ...group, target: "webgpu" }],
  ] as const) {
    const { bytes, inputs } = build("MatMul", opset);
    const written = (await quantized(bytes, { ...everything, ...rules })).bytes;
    const outputs = [];
    for (const graphOptimizationLevel of ["disabled", "basic", "extended", "all"] as const) {
      const session = await InferenceSession.create(written, { graphOptimizationLevel });
      const { y } = await session.run({ x: new Tensor("float32", inputs.x.data, inputs.x.dims) });
      outputs.push(y.data);
      await session.release();
    }
    for (const output of outputs) expect(output).toEqual(outputs[0]);
  }
});

it("no DequantizeLinear is written before a Transpose without perm, on which onnxruntime 1.30 fails", async () => {
  const weights = uniform("float32", 64 * 24, 3);
  const graph = {
    node: [node("Transpose", ["w"], ["turned"]), node("MatMul", ["x", "turned"], ["y"])],
    initializer: [tensor("w", [24, 64], weights)],
    input: [float("x", [5, 64])],
    output: [float("y")],
  };
  const inputs = { x: { data: uniform("float32", 5 * 64, 4), dims: [5, 64] } };
  for (const [opset, rules] of [
    [17, { bits: 8 }],
    [21, { bits: 4 }],
    [25, { bits: 2 }],
    [21, { bits: 4, ...group }],
  ] as const) {
    const bytes = modelBytes({ opset, graph });
    const result = await quantized(bytes, { ...everything, ...rules });
    expect(quantizedBy(result.plan)).toMatchObject([{ pattern: "Cast, Mul" }]);
    const layout = "granularity" in rules ? { granularity: { group: 32, along: 1 } } : { axis: 0 };
    const options = { shape: [24, 64], bits: rules.bits, dequantize: true, ...layout } as const;
    const { dequantized } = channelwise.quantize(weights, options);
    await expectSameOutput({ bytes, weights, inputs }, result.bytes, dequantized);
  }
});
