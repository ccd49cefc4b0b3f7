import { compareModels, openModel, planModel, type Rules } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { channelwise, quantized, source } from "./memory.js";
import {
  dataType,
  float,
  type GraphInit,
  integers,
  modelBytes,
  type NodeInit,
  node,
  operatorsOf,
  parse,
  type TensorInit,
  tensor,
  tensorsOf,
} from "./models.js";
import { run, sqnr } from "./runtime.js";

const [FLOAT, FLOAT16] = [dataType.FLOAT, dataType.FLOAT16];
const x = { data: uniform("float32", 5 * 64, 4), dims: [5, 64] };
const half = { include: ["*"], exclude: [], float16: true } as const;
const alone: Rules = { exclude: ["*"], float16: true };

const weight = (name: string, shape: number[], seed = 3) =>
  tensor(
    name,
    shape,
    uniform(
      "float32",
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  );

function modelOf(nodes: NodeInit[], initializer: TensorInit[], others: Partial<GraphInit> = {}, opset = 17) {
  const graph = { node: nodes, initializer, input: [float("x", [5, 64])], output: [float("y", [5, 24])], ...others };
  return modelBytes({ opset, irVersion: 8, graph });
}

const block = modelOf(
  [
    node("LayerNormalization", ["x", "scale", "bias"], ["normed"]),
    node("MatMul", ["normed", "w1"], ["a"]),
    node("Add", ["a", "b1"], ["b"]),
    node("Relu", ["b"], ["c"]),
    node("MatMul", ["c", "w2"], ["y"]),
    node("Softmax", ["y"], ["z"]),
  ],
  [
    ...[weight("scale", [64], 1), weight("bias", [64], 2), weight("w1", [64, 96], 3), weight("b1", [96], 4)],
    weight("w2", [96, 24], 5),
  ],
  { output: [float("y", [5, 24]), float("z", [5, 24])], valueInfo: [float("a", [5, 96])] },
);

/** The types of the inputs and outputs of a model. */
const typesOf = (bytes: Uint8Array) => {
  const { input, output } = parse(bytes).graph;
  return [...input, ...output].map(({ type }) => (type?.value.case === "tensorType" ? type.value.value.elemType : 0));
};

async function expectSame(original: Uint8Array, bytes: Uint8Array, inputs: Parameters<typeof run>[1], least = 50) {
  const [before, after] = [await run(original, inputs), await run(bytes, inputs)];
  for (const [name, { data, dims }] of Object.entries(before)) {
    expect(after[name].dims).toEqual(dims);
    expect(sqnr(data, after[name].data)).toBeGreaterThan(least);
  }
}

describe("a model of float16", () => {
  it("has float16 everywhere but at its inputs and outputs", async () => {
    const { bytes, plan } = await quantized(block, alone);
    expect(quantizedBy(plan)).toEqual([]);
    expect(plan.decisions.map(({ bytesBefore, bytesAfter }) => bytesBefore / bytesAfter)).toEqual(Array(5).fill(2));
    expect([...tensorsOf(bytes).values()].map((each) => each.dataType)).toEqual(Array(5).fill(FLOAT16));
    expect(typesOf(bytes)).toEqual([FLOAT, FLOAT, FLOAT]);
    const { node: nodes, valueInfo } = parse(bytes).graph;
    expect(valueInfo).toEqual([]);
    expect(nodes.map(({ opType, input, output }) => [opType, input[0], output[0]])).toEqual([
      ["Cast", "x", "x_float16"],
      ["LayerNormalization", "x_float16", "normed"],
      ["MatMul", "normed", "a"],
      ["Add", "a", "b"],
      ["Relu", "b", "c"],
      ["MatMul", "c", "y_float16"],
      ["Softmax", "y_float16", "z_float16"],
      ["Cast", "y_float16", "y"],
      ["Cast", "z_float16", "z"],
    ]);
    await expectSame(block, bytes, { x });
    const { tensors } = await compareModels(
      channelwise,
      await openModel(source(block)),
      await openModel(source(bytes)),
    );
    expect(tensors.map(({ result }) => result)).toEqual(Array(5).fill("near"));
    for (const each of tensors) expect("sqnr" in each && each.sqnr).toBeGreaterThan(65);
  });

  it.each<[Rules, string[]]>([
    [{ target: "webgpu", bits: 4, granularity: { group: 32 } }, ["MatMulNBits", "MatMulNBits"]],
    [{ target: "wasm" }, ["Cast, Mul", "Cast, Mul"]],
    [{ target: "portable" }, ["DequantizeLinear", "DequantizeLinear"]],
    [{ target: "portable", opset: 21, bits: 4, granularity: { group: 32 } }, ["DequantizeLinear", "DequantizeLinear"]],
  ])("has quantized weights too: %o", async (rules, patterns) => {
    const { bytes, plan } = await quantized(block, { ...half, ...rules, overrides: { scale: { keep: true } } });
    expect(quantizedBy(plan).map(({ pattern }) => pattern)).toEqual(patterns);
    expect(typesOf(bytes)).toEqual([FLOAT, FLOAT, FLOAT]);
    const scales = tensorsOf(bytes).get(rules.target === "webgpu" ? "w1_scales" : "w1_scale");
    const isHalf = rules.target === "webgpu" || rules.opset === 21;
    expect(scales?.dataType).toBe(isHalf ? FLOAT16 : FLOAT);
    const { float16: _, ...others } = half;
    // Without MatMulInteger, which has activations of 8 bits.
    const wide = {
      ...others,
      overrides: { scale: { keep: true } },
      ...rules,
      ...(!rules.bits && { target: "portable" }),
    };
    await expectSame((await quantized(block, wide as Rules)).bytes, bytes, { x }, 40);
  });

  it("clamps finite numbers, and keeps infinities", async () => {
    const b = tensor("b", [4], Float32Array.of(1e5, -3.4e38, Infinity, 0.1));
    const original = modelOf([node("Add", ["x", "b"], ["y"])], [b], {
      input: [float("x", [1])],
      output: [float("y", [4])],
    });
    const { bytes } = await quantized(original, alone);
    const halves = new Uint16Array(tensorsOf(bytes).get("b")?.rawData.slice().buffer as ArrayBuffer);
    expect([...halves]).toEqual([0x7bff, 0xfbff, 0x7c00, 0x2e66]);
  });

  it("casts for operators that take or give float32", async () => {
    const image = { data: uniform("float32", 64, 4), dims: [1, 1, 8, 8] };
    const original = modelOf(
      [
        node("Relu", ["x"], ["r"]),
        node("Resize", ["r", "", "scales"], ["big"]),
        node("Mul", ["big", "half"], ["m"]),
        node("ConstantOfShape", ["shape"], ["ones"], { value: tensor("", [1], Float32Array.of(1)) }),
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("Cast", ["shape"], ["sizes"], { to: FLOAT }),
        node("ReduceMax", ["sizes"], ["size"], { keepdims: 0 }),
        node("Constant", [], ["one"], { value_float: { float: 1.5 } }),
        node("Sum", ["m", "ones", "zeros", "size", "one"], ["y"]),
      ],
      [
        tensor("scales", [4], Float32Array.of(1, 1, 2, 2)),
        tensor("half", [], Float32Array.of(0.5)),
        integers("shape", [1, 16]),
      ],
      { input: [float("x", [1, 1, 8, 8])], output: [float("y", [1, 1, 16, 16])] },
    );
    const { bytes } = await quantized(original, alone);
    const tensors = tensorsOf(bytes);
    expect([tensors.get("scales")?.dataType, tensors.get("half")?.dataType]).toEqual([FLOAT, FLOAT16]);
    await expectSame(original, bytes, { x: image });
  });

  it("casts a computed input that must be float32, and a constant that both kinds take", async () => {
    const original = modelOf(
      [
        node("Mul", ["scales", "two"], ["doubled"]),
        node("Resize", ["x", "", "doubled"], ["big"]),
        node("Resize", ["big", "", "scales"], ["bigger"]),
        node("Relu", ["bigger"], ["y"]),
      ],
      [tensor("scales", [4], Float32Array.of(1, 1, 2, 2)), tensor("two", [4], Float32Array.of(1, 1, 2, 1))],
      { input: [float("x", [1, 1, 4, 4])], output: [float("y", [1, 1, 32, 16])] },
    );
    const { bytes } = await quantized(original, alone);
    expect(tensorsOf(bytes).get("scales")?.dataType).toBe(FLOAT16);
    expect(operatorsOf(parse(bytes).graph).filter((operator) => operator === "Cast")).toHaveLength(4);
    await expectSame(original, bytes, { x: { data: uniform("float32", 16, 4), dims: [1, 1, 4, 4] } });
  });

  it("keeps an input with a default, and a constant that is an output", async () => {
    const original = modelOf(
      [node("Mul", ["x", "factor"], ["m"]), node("Add", ["m", "k"], ["y"])],
      [weight("factor", [64], 1), weight("k", [64], 2)],
      {
        input: [float("x", [5, 64]), float("factor", [64])],
        output: [float("y", [5, 64]), float("k", [64])],
      },
    );
    const { bytes } = await quantized(original, alone);
    for (const name of ["factor", "k"]) expect(tensorsOf(bytes).get(name)?.dataType).toBe(FLOAT);
    await expectSame(original, bytes, { x });
  });

  it("is refused with what prevents it", async () => {
    const plan = async (bytes: Uint8Array, rules: Rules = alone) => planModel(await openModel(source(bytes)), rules);
    const branch = { graph: { name: "b", node: [node("Relu", ["x"], ["r"])], output: [float("r", [5, 64])] } };
    const condition = { name: "c", dataType: dataType.BOOL, dims: [], rawData: Uint8Array.of(1) };
    const nested = [{ ...node("If", ["c"], ["y"], { then_branch: branch, else_branch: branch }), name: "I" }];
    await expect(plan(modelOf(nested, [condition]))).rejects.toThrow(
      'float16 is true, and If "I" prevents it: it has subgraphs, which stay float32',
    );
    const range = [node("Range", ["a", "b", "a"], ["y"])];
    const ends = [tensor("a", [], Float32Array.of(1)), tensor("b", [], Float32Array.of(5))];
    await expect(plan(modelOf(range, ends))).rejects.toThrow("it counts in float32");
    await expect(plan(block, { float16: 1 } as unknown as Rules)).rejects.toThrow("float16 must be");
  });
});
