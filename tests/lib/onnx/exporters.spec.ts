import { describe, expect, it } from "vitest";
import { keptBy, quantizedBy, weightsOf } from "../plans.js";
import { uniform } from "../random.js";
import { channelwise, quantized } from "./memory.js";
import {
  float,
  type GraphInit,
  integers,
  type ModelInit,
  modelBytes,
  type NodeInit,
  node,
  operatorsOf,
  parse,
  tensor,
  withValues,
} from "./models.js";
import { run, sqnr } from "./runtime.js";

// Weights that reach their operator in the ways of real exporters.

interface Case {
  /** The weights, and the axis of their output channels. */
  readonly weights: Record<string, { shape: number[]; axis: number }>;
  readonly input: number[];
  readonly nodes: NodeInit[];
  readonly constants?: GraphInit["initializer"] & object;
  readonly model?: Partial<ModelInit>;
}

const microsofts = (each: NodeInit): NodeInit => ({ ...each, domain: "com.microsoft" });
const local = (each: NodeInit): NodeInit => ({ ...each, domain: "local" });
const one = (nodes: NodeInit[], shape: number[], axis: number, input: number[]): Case => {
  return { weights: { w: { shape, axis } }, input, nodes };
};
const einsum = (equation: string, shape: number[], axis: number, input: number[]) =>
  one([node("Einsum", ["x", "w"], ["y"], { equation })], shape, axis, input);
const fused = (attributes: Record<string, number>, shape: number[], axis: number) => ({
  ...one([microsofts(node("FusedMatMul", ["x", "w"], ["y"], attributes))], shape, axis, [3, 8]),
  model: { domains: ["com.microsoft"] },
});

/** The gates of PyTorch are in another order than those of ONNX, so it cuts and joins them. */
function reordered(weight: string): NodeInit[] {
  const part = (name: string, start: string, end: string) =>
    node("Slice", [weight, start, end, "zero"], [`${weight}_${name}`]);
  return [
    part("i", "zero", "two"),
    part("o", "six", "eight"),
    part("f", "two", "six"),
    node("Concat", [`${weight}_i`, `${weight}_o`, `${weight}_f`], [`${weight}_iofc`], { axis: 0 }),
    node("Unsqueeze", [`${weight}_iofc`, "zero"], [`${weight}_3d`]),
  ];
}

const project = {
  name: "Project",
  input: ["a", "matrix"],
  output: ["b"],
  node: [node("Transpose", ["matrix"], ["turned"], { perm: [1, 0] }), node("MatMul", ["a", "turned"], ["b"])],
};

const cases: Record<string, Case> = {
  "an LSTM of PyTorch, unfolded": {
    weights: { w: { shape: [8, 6], axis: 0 }, r: { shape: [8, 2], axis: 0 } },
    input: [3, 1, 6],
    nodes: [...reordered("w"), ...reordered("r"), node("LSTM", ["x", "w_3d", "r_3d"], ["y"], { hidden_size: 2 })],
    constants: Object.entries({ zero: 0, two: 2, six: 6, eight: 8 }).map(([name, at]) => integers(name, [at])),
  },
  "Reshape by a Constant of value_ints": one(
    [
      node("Constant", [], ["shape"], { value_ints: [6, 3, 3, 3] }),
      node("Reshape", ["w", "shape"], ["four"]),
      node("Conv", ["x", "four"], ["y"]),
    ],
    [6, 27],
    0,
    [1, 3, 5, 5],
  ),
  "Split, Squeeze and Identity": {
    ...one(
      [
        node("Split", ["w", "sizes"], ["first", "second"], { axis: 0 }),
        node("Squeeze", ["second", "axes"], ["matrix"]),
        node("Identity", ["matrix"], ["same"]),
        node("MatMul", ["x", "same"], ["y"]),
      ],
      [2, 8, 6],
      2,
      [3, 8],
    ),
    constants: [integers("sizes", [1, 1]), integers("axes", [0])],
  },
  "Slice from behind, and Flatten": {
    ...one(
      [
        node("Slice", ["w", "start", "end", "axis", "step"], ["turned"]),
        node("Flatten", ["turned"], ["matrix"], { axis: -1 }),
        node("MatMul", ["x", "matrix"], ["y"]),
      ],
      [2, 4, 6],
      2,
      [3, 8],
    ),
    constants: Object.entries({ start: -1, end: -9, axis: 1, step: -1 }).map(([name, at]) => integers(name, [at])),
  },
  Einsum: einsum("bi,io->bo", [8, 6], 1, [3, 8]),
  "Einsum of a matrix that is turned, without an arrow": einsum("ai, bi", [6, 8], 0, [3, 8]),
  "Einsum of heads: the longest dimension": einsum("bti,ihd->bthd", [8, 2, 6], 2, [1, 3, 8]),
  "Einsum of experts": einsum("ebi,eio->ebo", [2, 8, 6], 2, [2, 3, 8]),
  FusedMatMul: fused({}, [8, 6], 1),
  "FusedMatMul of a matrix that is turned": fused({ transB: 1 }, [6, 8], 0),
  "a function that takes its weights": {
    ...one([local(node("Project", ["x", "w"], ["y"]))], [6, 8], 0, [3, 8]),
    model: { functions: [project] },
  },
  "functions in a function": {
    ...one([local(node("Twice", ["x", "w"], ["y"]))], [8, 8], 0, [3, 8]),
    model: {
      functions: [
        project,
        {
          name: "Twice",
          input: ["a", "m"],
          output: ["c"],
          node: [local(node("Project", ["a", "m"], ["b"])), local(node("Project", ["b", "m"], ["c"]))],
        },
      ],
    },
  },
};

describe.each(Object.keys(cases))("weights of %s", (name) => {
  const { weights, input, nodes, constants = [], model = {} } = cases[name];
  const values = new Map(
    Object.entries(weights).map(([weight, { shape }], i) => [weight, uniform("float32", size(shape), i + 2)] as const),
  );
  const stored = Object.entries(weights).map(([weight, { shape }]) =>
    tensor(weight, shape, values.get(weight) as Float32Array),
  );
  const graph = {
    node: nodes,
    initializer: [...stored, ...constants],
    input: [float("x", input)],
    output: [float("y")],
  };
  const bytes = modelBytes({ opset: 17, graph, ...model });

  it.each(["wasm", "portable"] as const)("are found, and computed with for %s", async (target) => {
    if (target === "portable" && model.domains) return;
    const result = await quantized(bytes, { include: ["*"], target });
    const found = weightsOf(result.model).map(({ name, axis }) => [name, axis]);
    expect(found).toEqual(Object.entries(weights).map(([weight, { axis }]) => [weight, axis]));
    const dequantized = new Map(
      Object.entries(weights).map(([weight, { shape, axis }]) => {
        const options = { shape, axis, dequantize: true } as const;
        return [weight, channelwise.quantize(values.get(weight) as Float32Array, options).dequantized];
      }),
    );
    const inputs = { x: { data: uniform("float32", size(input), 9), dims: input } };
    const expected = (await run(withValues(bytes, dequantized), inputs)).y;
    const actual = (await run(result.bytes, inputs)).y;
    expect(actual.dims).toEqual(expected.dims);
    expect(sqnr(expected.data, actual.data)).toBeGreaterThan(110);
  });
});

it("weights inside a function are quantized there", async () => {
  const values = uniform("float32", 64, 3);
  const own = {
    name: "Own",
    input: ["a"],
    output: ["b"],
    node: [node("Constant", [], ["w"], { value: tensor("", [8, 8], values) }), node("MatMul", ["a", "w"], ["b"])],
  };
  const call = (x: string, y: string) => local(node("Own", [x], [y]));
  const graph = { node: [call("x", "h"), call("h", "y")], input: [float("x", [3, 8])], output: [float("y")] };
  const bytes = modelBytes({ opset: 17, graph, functions: [own] });
  const result = await quantized(bytes, { include: ["*"], zeroPoints: true });
  expect(quantizedBy(result.plan)).toMatchObject([{ tensor: "w", pattern: "Cast, Mul" }]);
  expect(parse(result.bytes).functions[0].node.map(({ opType }) => opType)).toContain("Mul");
  const x = { data: uniform("float32", 24, 9), dims: [3, 8] };
  expect(sqnr((await run(bytes, { x })).y.data, (await run(result.bytes, { x })).y.data)).toBeGreaterThan(35);
});

it("Transpose before MatMul becomes MatMulInteger too", async () => {
  const graph = {
    node: [
      node("Identity", ["w"], ["same"]),
      node("Transpose", ["same"], ["turned"], { perm: [1, 0] }),
      node("MatMul", ["x", "turned"], ["h"]),
      node("Transpose", ["turned"], ["back"]),
      node("MatMul", ["h", "back"], ["g"]),
      node("Gemm", ["g", "w"], ["y"], { transB: 1 }),
    ],
    initializer: [tensor("w", [24, 16], uniform("float32", 384, 1))],
    input: [float("x", [3, 16])],
    output: [float("y")],
  };
  const bytes = modelBytes({ opset: 17, graph });
  const result = await quantized(bytes, { include: ["*"], granularity: "tensor" });
  expect(quantizedBy(result.plan)).toMatchObject([{ tensor: "w", pattern: "MatMulInteger" }]);
  expect(operatorsOf(parse(result.bytes).graph).filter((operator) => operator === "Transpose")).toHaveLength(1);
  const x = { data: uniform("float32", 48, 9), dims: [3, 16] };
  expect(sqnr((await run(bytes, { x })).y.data, (await run(result.bytes, { x })).y.data)).toBeGreaterThan(30);
});

it("what is joined with activations stays float", async () => {
  const graph = {
    node: [node("Concat", ["w", "x"], ["both"], { axis: 0 }), node("MatMul", ["x", "both"], ["y"])],
    initializer: [tensor("w", [8, 8], uniform("float32", 64, 1))],
    input: [float("x", [3, 11])],
    output: [float("y")],
  };
  const { plan } = await quantized(modelBytes({ opset: 17, graph }));
  expect(keptBy(plan)).toMatchObject([
    { reason: 'Concat "both node" joins it with what is known only when the model runs' },
  ]);
});

function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
