import { openModel } from "channelwise/models";
import { AttributeProto_AttributeType } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { keptBy, othersOf, quantizedBy, weightsOf } from "../plans.js";
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
  scalar,
  type TensorInit,
  tensor,
  tensorsOf,
  withValues,
} from "./models.js";
import { run, sqnr } from "./runtime.js";

/** Weights whose channels along the axis differ in size, so that any other axis would give other codes. */
function weights(shape: readonly number[], axis: number, seed = 1): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return uniform("float32", size, seed).map((value, i) => value * 1.7 ** (Math.floor(i / inner) % shape[axis]));
}

interface Case {
  /** The weights and the axis of their channels. */
  readonly weights: Record<string, { shape: number[]; axis: number }>;
  readonly graph: (stored: (name: string) => TensorInit) => GraphInit;
  readonly input: number[];
}

const output = [float("y")];

/** A model of one node with one weight. */
function single(
  operator: string,
  shape: number[],
  axis: number,
  input: number[],
  attributes: Record<string, number | number[]> = {},
  weightFirst = false,
): Case {
  return {
    weights: { w: { shape, axis } },
    input,
    graph: (stored) => ({
      node: [node(operator, weightFirst ? ["w", "x"] : ["x", "w"], ["y"], attributes)],
      initializer: [stored("w")],
    }),
  };
}

/** A recurrent node, with weights of its inputs and of its earlier outputs. */
function recurrent(operator: string, gates: number): Case {
  return {
    weights: { w: { shape: [1, 2 * gates, 8], axis: 1 }, r: { shape: [1, 2 * gates, 2], axis: 1 } },
    input: [3, 1, 8],
    graph: (stored) => ({
      node: [node(operator, ["x", "w", "r"], ["y"], { hidden_size: 2 })],
      initializer: [stored("w"), stored("r")],
    }),
  };
}

const ifGraph = (thenGraph: GraphInit, elseGraph: GraphInit): NodeInit[] => [
  node("ReduceMax", ["x"], ["largest"], { keepdims: 0 }),
  node("Less", ["zero", "largest"], ["condition"]),
  node("If", ["condition"], ["y"], { then_branch: { graph: thenGraph }, else_branch: { graph: elseGraph } }),
];
const zero = tensor("zero", [], Float32Array.of(0));

const cases: Record<string, Case> = {
  Conv: single("Conv", [6, 3, 3, 3], 0, [1, 3, 8, 8]),
  "Conv in one dimension": single("Conv", [6, 3, 5], 0, [1, 3, 16]),
  "Conv with groups": single("Conv", [6, 2, 3, 3], 0, [1, 4, 8, 8], { group: 2 }),
  ConvTranspose: single("ConvTranspose", [4, 6, 2, 2], 1, [1, 4, 5, 5], { strides: [2, 2] }),
  "ConvTranspose with groups": single("ConvTranspose", [4, 3, 2, 2], 1, [1, 4, 5, 5], { group: 2 }),
  MatMul: single("MatMul", [8, 6], 1, [3, 8]),
  "MatMul of batches": single("MatMul", [2, 8, 6], 2, [2, 3, 8]),
  "MatMul with the weights first": single("MatMul", [6, 8], 0, [8, 3], {}, true),
  Gemm: single("Gemm", [8, 6], 1, [3, 8]),
  "Gemm with transB": single("Gemm", [6, 8], 0, [3, 8], { transB: 1 }),
  "Gemm with the weights first": single("Gemm", [6, 8], 0, [8, 3], {}, true),
  "Gemm with the weights first and transA": single("Gemm", [8, 6], 1, [8, 3], { transA: 1 }, true),

  LSTM: recurrent("LSTM", 4),
  GRU: recurrent("GRU", 3),
  RNN: recurrent("RNN", 1),
  "Cast before MatMul": {
    weights: { w: { shape: [8, 6], axis: 1 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [node("Cast", ["w"], ["same"], { to: dataType.FLOAT }), node("MatMul", ["x", "same"], ["y"])],
      initializer: [stored("w")],
    }),
  },

  "Gather along axis 0": {
    weights: { w: { shape: [10, 4], axis: 0 } },
    input: [2, 4],
    graph: (stored) => ({
      node: [node("Gather", ["w", "rows"], ["gathered"]), node("Add", ["gathered", "x"], ["y"])],
      initializer: [stored("w"), integers("rows", [7, 2])],
    }),
  },
  "Gather along the last axis": {
    weights: { w: { shape: [4, 10], axis: 1 } },
    input: [4, 2],
    graph: (stored) => ({
      node: [node("Gather", ["w", "columns"], ["gathered"], { axis: -1 }), node("Add", ["gathered", "x"], ["y"])],
      initializer: [stored("w"), integers("columns", [7, 2])],
    }),
  },
  "a Constant node": {
    weights: { w: { shape: [8, 6], axis: 1 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [
        node("Neg", ["x"], ["negative"]),
        node("Constant", [], ["w"], { value: stored("w") }),
        node("MatMul", ["negative", "w"], ["y"]),
      ],
    }),
  },
  "Transpose before MatMul": {
    weights: { w: { shape: [6, 8], axis: 0 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [node("Transpose", ["w"], ["turned"], { perm: [1, 0] }), node("MatMul", ["x", "turned"], ["y"])],
      initializer: [stored("w")],
    }),
  },
  "Transpose without an order": {
    weights: { w: { shape: [6, 8, 2], axis: 0 } },
    input: [2, 3, 8],
    graph: (stored) => ({
      node: [node("Transpose", ["w"], ["turned"]), node("MatMul", ["x", "turned"], ["y"])],
      initializer: [stored("w")],
    }),
  },
  "Reshape before Conv": {
    weights: { w: { shape: [6, 27], axis: 0 } },
    input: [1, 3, 8, 8],
    graph: (stored) => ({
      node: [node("Reshape", ["w", "shape"], ["four"]), node("Conv", ["x", "four"], ["y"])],
      initializer: [stored("w"), integers("shape", [0, 3, -1, 3])],
    }),
  },
  "Reshape of a square before MatMul": {
    weights: { w: { shape: [8, 8], axis: 1 } },
    input: [1, 3, 8],
    graph: (stored) => ({
      node: [node("Reshape", ["w", "shape"], ["batch"]), node("MatMul", ["x", "batch"], ["y"])],
      initializer: [stored("w"), integers("shape", [1, 8, 8])],
    }),
  },
  "Reshape and Transpose before MatMul, by way of Identity": {
    weights: { w: { shape: [6, 4, 2], axis: 0 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [
        node("Constant", [], ["shape"], { value: integers("", [6, 8]) }),
        node("Reshape", ["w", "shape"], ["matrix"]),
        node("Identity", ["matrix"], ["same"]),
        node("Transpose", ["same"], ["turned"], { perm: [1, 0] }),
        node("MatMul", ["x", "turned"], ["y"]),
      ],
      initializer: [stored("w")],
    }),
  },
  "two nodes along the same axis": {
    weights: { w: { shape: [8, 8], axis: 1 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "w"], ["y"])],
      initializer: [stored("w")],
    }),
  },
  "two nodes along different axes: that of the first": {
    weights: { w: { shape: [8, 8], axis: 1 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [node("MatMul", ["x", "w"], ["h"]), node("Gemm", ["h", "w"], ["y"], { transB: 1 })],
      initializer: [stored("w")],
    }),
  },
  "an embedding that is the output layer too": {
    weights: { w: { shape: [12, 8], axis: 0 } },
    input: [2, 8],
    graph: (stored) => ({
      node: [
        node("Gather", ["w", "rows"], ["embedded"]),
        node("Add", ["embedded", "x"], ["h"]),
        node("Transpose", ["w"], ["turned"]),
        node("MatMul", ["h", "turned"], ["y"]),
      ],
      initializer: [stored("w"), integers("rows", [7, 2])],
    }),
  },
  "subgraphs, and a value of the outer graph used there alone": {
    weights: { w: { shape: [8, 6], axis: 1 }, inner: { shape: [8, 6], axis: 1 }, held: { shape: [6, 6], axis: 1 } },
    input: [3, 8],
    graph: (stored) => ({
      node: ifGraph(
        { name: "then", node: [node("MatMul", ["x", "w"], ["a"])], output: [float("a", [3, 6])] },
        {
          name: "else",
          node: [
            node("MatMul", ["x", "inner"], ["h"]),
            node("Constant", [], ["held"], { value: stored("held") }),
            node("MatMul", ["h", "held"], ["b"]),
          ],
          initializer: [stored("inner")],
          output: [float("b", [3, 6])],
        },
      ),
      initializer: [stored("w"), zero],
    }),
  },
  "the body of a Loop": {
    weights: { w: { shape: [8, 8], axis: 1 }, bias: { shape: [8, 8], axis: 1 } },
    input: [3, 8],
    graph: (stored) => ({
      node: [
        node("Loop", ["times", "", "x"], ["y"], {
          body: {
            graph: {
              name: "body",
              node: [
                node("Identity", ["go"], ["goOn"]),
                node("MatMul", ["v", "w"], ["a"]),
                node("MatMul", ["a", "bias"], ["next"]),
              ],
              initializer: [stored("bias")],
              input: [scalar("i", dataType.INT64), scalar("go", dataType.BOOL), float("v", [3, 8])],
              output: [scalar("goOn", dataType.BOOL), float("next", [3, 8])],
            },
          },
        }),
      ],
      initializer: [stored("w"), tensor("times", [], BigInt64Array.of(2n))],
    }),
  },
  "the body of a Scan": {
    weights: { w: { shape: [8, 8], axis: 0 } },
    input: [3, 1, 8],
    graph: (stored) => ({
      node: [
        node("Scan", ["start", "x"], ["last", "y"], {
          num_scan_inputs: 1,
          body: {
            graph: {
              name: "body",
              node: [
                node("Gemm", ["row", "w"], ["product"], { transB: 1 }),
                node("Add", ["product", "state"], ["next"]),
                node("Identity", ["next"], ["out"]),
              ],
              input: [float("state", [1, 8]), float("row", [1, 8])],
              output: [float("next", [1, 8]), float("out", [1, 8])],
            },
          },
        }),
      ],
      initializer: [stored("w"), tensor("start", [1, 8], new Float32Array(8))],
    }),
  },
  "a subgraph of a subgraph": {
    weights: { w: { shape: [8, 6], axis: 1 } },
    input: [3, 8],
    graph: (stored) => {
      const branch = (name: string): GraphInit => ({
        name,
        node: [node("MatMul", ["x", "w"], [`${name}_y`])],
        output: [float(`${name}_y`, [3, 6])],
      });
      const outer: GraphInit = {
        name: "then",
        node: [
          node("If", ["condition"], ["a"], {
            then_branch: { graph: branch("inner_then") },
            else_branch: { graph: branch("inner_else") },
          }),
        ],
        output: [float("a", [3, 6])],
      };
      return { node: ifGraph(outer, branch("else")), initializer: [stored("w"), zero] };
    },
  },
};

describe.each(Object.keys(cases))("weights of %s", (name) => {
  const { weights: stored, graph, input } = cases[name];
  const values = new Map(
    Object.entries(stored).map(([weight, { shape, axis }], i) => [weight, weights(shape, axis, i + 2)] as const),
  );
  const content = graph((weight) => tensor(weight, stored[weight].shape, values.get(weight) as Float32Array));
  const size = input.reduce((a, b) => a * b, 1);
  const x = { data: uniform("float32", size, 9), dims: input };

  it.each([11, 17])("are found and quantized along the axis of the output channels, opset %i", async (opset) => {
    const bytes = modelBytes({ opset, graph: { ...content, input: [float("x", input)], output } });
    const result = await quantized(bytes);
    expect(Object.fromEntries(weightsOf(result.model).map(({ name, axis }) => [name, axis]))).toEqual(
      Object.fromEntries(Object.entries(stored).map(([weight, { axis }]) => [weight, axis])),
    );

    // The model computes what the float model does with the dequantized weights.
    const dequantized = new Map(
      Object.entries(stored).map(([weight, { shape, axis }]) => {
        const options = { shape, axis, dequantize: true } as const;
        return [weight, channelwise.quantize(values.get(weight) as Float32Array, options).dequantized];
      }),
    );
    for (const sign of [1, -1]) {
      const inputs = { x: { ...x, data: x.data.map((value) => sign * Math.abs(value)) } };
      const expected = await run(withValues(bytes, dequantized), inputs);
      const actual = await run(result.bytes, inputs);
      expect(actual.y.dims).toEqual(expected.y.dims);
      expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(120);
      expect(sqnr((await run(bytes, inputs)).y.data, actual.y.data)).toBeGreaterThan(30);
    }
  });

  it("are not stored as floats any more", async () => {
    const bytes = modelBytes({ opset: 17, graph: { ...content, input: [float("x", input)], output } });
    const before = tensorsOf(bytes);
    const after = tensorsOf((await quantized(bytes)).bytes);
    for (const [weight, { shape }] of Object.entries(stored)) {
      expect(before.get(weight)?.dataType).toBe(dataType.FLOAT);
      expect(after.has(weight)).toBe(false);
      expect(after.get(`${weight}_quantized`)).toMatchObject({ dataType: dataType.INT8, dims: shape.map(BigInt) });
      expect(after.get(`${weight}_scale`)).toMatchObject({ dataType: dataType.FLOAT });
    }
  });
});

describe("a tensor stays float, with the reason", () => {
  const w = tensor("w", [8, 8], weights([8, 8], 1));
  const multiply = node("MatMul", ["x", "w"], ["y"]);
  const base: GraphInit = { node: [multiply], initializer: [w], input: [float("x", [3, 8])], output };

  it.each<[string, GraphInit, string | RegExp]>([
    [
      "an output of the graph",
      { ...base, output: [...output, float("w", [8, 8])] },
      "also an output of the graph, which must stay exact",
    ],
    [
      "an output of the graph by way of Identity",
      { ...base, node: [multiply, node("Identity", ["w"], ["z"])], output: [...output, float("z", [8, 8])] },
      'it goes through Identity "z node" to an output of the graph, which must stay exact',
    ],
    [
      "a weight that something else takes too",
      { ...base, node: [multiply, node("Add", ["w", "x"], ["z"])] },
      'Add "z node" uses it, and weights of that operator stay floats',
    ],
    [
      "a weight of an operator of another domain",
      { ...base, node: [{ ...multiply, domain: "com.example" }] },
      'com.example.MatMul "y node" uses it, and weights of that operator stay floats',
    ],
    [
      "what is reshaped as the model runs",
      { ...base, node: [node("Reshape", ["w", "x"], ["z"]), node("MatMul", ["x", "z"], ["y"])] },
      'Reshape "z node" reshapes it to a shape that is known only when the model runs',
    ],
    [
      "what is reshaped across the channels",
      {
        ...base,
        initializer: [w, integers("shape", [16, 4])],
        node: [node("Reshape", ["w", "shape"], ["z"]), node("MatMul", ["x", "z"], ["y"])],
      },
      'the output channels of MatMul "y node" are reshaped out of more than one dimension',
    ],
    [
      "what is reshaped to another size",
      {
        ...base,
        initializer: [w, integers("shape", [8, 9])],
        node: [node("Reshape", ["w", "shape"], ["z"]), node("MatMul", ["x", "z"], ["y"])],
      },
      'Reshape "z node" reshapes it to a shape of another size',
    ],
    [
      "what is turned in no order",
      { ...base, node: [node("Transpose", ["w"], ["z"], { perm: [1, 1] }), node("MatMul", ["x", "z"], ["y"])] },
      'Transpose "z node" has a perm that is not an order of its dimensions',
    ],
    [
      "what goes a long way",
      {
        ...base,
        node: Array.from({ length: 5000 }, (_, i) => node("Identity", [i === 0 ? "w" : `i${i - 1}`], [`i${i}`])),
      },
      "it goes through more than 16 nodes that only move it",
    ],
    [
      "what goes round in a circle",
      { ...base, node: [node("Identity", ["w", "back"], ["there"]), node("Identity", ["there"], ["back"])] },
      'Identity "there node" uses it, and weights of that operator stay floats',
    ],
    [
      "what has too few dimensions",
      { ...base, node: [node("ConvTranspose", ["x", "w"], ["y"]), node("Gather", ["w", "x"], ["z"], { axis: 2 })] },
      'Gather "z node" uses it, and it has too few dimensions for weights of that operator',
    ],
    [
      "a bias of two dimensions",
      { ...base, node: [node("Gemm", ["x", "x", "w"], ["y"])] },
      'Gemm "y node" uses it, but not as weights',
    ],
    ["what no node takes", { ...base, node: [node("Relu", ["x"], ["y"])] }, "no node uses it"],
    ["a vector", { ...base, initializer: [tensor("w", [8], weights([8], 0))] }, "a vector"],
    ["nothing", { ...base, initializer: [tensor("w", [8, 0], new Float32Array())] }, "it is empty"],
    [
      "bfloat16",
      { ...base, initializer: [{ ...w, dataType: dataType.BFLOAT16, rawData: new Uint8Array(128) }] },
      "bfloat16; weights of float32 and float16 are quantized",
    ],
    [
      "a weight that is made integers of",
      { ...base, node: [multiply, node("Cast", ["w"], ["z"], { to: dataType.INT32 })] },
      'Cast "z node" uses it, and weights of that operator stay floats',
    ],
    [
      "float64",
      { ...base, initializer: [{ ...w, dataType: dataType.DOUBLE, rawData: new Uint8Array(512) }] },
      "float64; weights of float32 and float16 are quantized",
    ],
    [
      "segments",
      { ...base, initializer: [{ ...w, segment: { begin: 0n, end: 1n } }] },
      "stored in segments, an obsolete way",
    ],
  ])("%s", async (_, graph, reason) => {
    const bytes = modelBytes({ opset: 17, graph });
    const model = await openModel(source(bytes));
    expect(weightsOf(model)).toEqual([]);
    expect(othersOf(model).find(({ name }) => name === "w")?.reason).toBe(reason);
    expect((await quantized(bytes, { include: ["*"] })).bytes).toEqual(bytes);
  });
});

it("a weight that is an input too stays one, unless it is included", async () => {
  const graph: GraphInit = {
    node: [node("MatMul", ["x", "w"], ["y"])],
    initializer: [tensor("w", [8, 6], weights([8, 6], 1))],
    input: [float("x", [4, 8]), float("w", [8, 6])],
    output,
  };
  const bytes = modelBytes({ opset: 13, graph });
  const kept = await quantized(bytes, { minimumSize: 0 });
  expect(keptBy(kept.plan)[0].reason).toBe(
    "also an input of the graph, for which other values can be given; include it to turn it into a constant",
  );
  expect(kept.bytes).toEqual(bytes);

  const result = await quantized(bytes, { include: ["w"] });
  expect(quantizedBy(result.plan)[0].notes).toEqual(["it is no longer an input of the graph"]);
  expect(parse(result.bytes).graph.input.map(({ name }) => name)).toEqual(["x"]);
  const x = { data: uniform("float32", 32, 9), dims: [4, 8] };
  const expected = await run(bytes, { x });
  expect(sqnr(expected.y.data, (await run(result.bytes, { x })).y.data)).toBeGreaterThan(30);
});

it("before IR version 4, where every initializer is an input, weights become Constant nodes", async () => {
  const graph: GraphInit = {
    node: [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["y"])],
    initializer: [tensor("w", [8, 6], weights([8, 6], 1)), tensor("b", [6], weights([6], 0))],
    input: [float("x", [3, 8]), float("w", [8, 6]), float("b", [6])],
    output,
  };
  const bytes = modelBytes({ opset: 8, irVersion: 3, graph });
  const result = await quantized(bytes, { minimumSize: 0 });
  const after = parse(result.bytes).graph;
  expect(after.input.map(({ name }) => name)).toEqual(["x", "b"]);
  expect(after.initializer.map(({ name }) => name)).toEqual(["b"]);
  expect(operatorsOf(after)).toEqual(["Constant", "Constant", "Cast", "Mul", "MatMul", "Add"]);
  const x = { data: uniform("float32", 24, 9), dims: [3, 8] };
  const expected = await run(bytes, { x });
  expect(sqnr(expected.y.data, (await run(result.bytes, { x })).y.data)).toBeGreaterThan(30);
});

it("weights are found in every graph of a list that an operator has", async () => {
  const body = (name: string): GraphInit => ({
    node: [node("MatMul", ["x", name], [`${name}_y`])],
    initializer: [tensor(name, [8, 6], weights([8, 6], 1))],
  });
  const attribute = [{ name: "bodies", type: AttributeProto_AttributeType.GRAPHS, graphs: [body("v"), body("w")] }];
  const graph = { node: [{ ...node("Any", ["x"], ["y"]), domain: "local", attribute }] };
  const model = await openModel(source(modelBytes({ opset: 17, graph })));
  expect(weightsOf(model).map(({ name, axis }) => [name, axis])).toEqual([
    ["v", 1],
    ["w", 1],
  ]);
});
