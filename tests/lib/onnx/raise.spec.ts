import { openModel, opsetChanges } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { quantized, source } from "./memory.js";
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
  tensor,
} from "./models.js";
import { run, sqnr } from "./runtime.js";

// Nodes that are written in another way with a higher opset: ONNX Runtime computes the same with them.

const x = { data: uniform("float32", 2 * 3 * 4 * 4, 5), dims: [2, 3, 4, 4] };
const one = (operator: string, attributes: Parameters<typeof node>[3] = {}, inputs = ["x"]) => [
  node(operator, inputs, ["y"], attributes),
];
const floats = (name: string, values: readonly number[]) => tensor(name, [values.length], Float32Array.from(values));
const scalarOf = (name: string, value: number) => tensor(name, [], BigInt64Array.of(BigInt(value)));
const scales = floats("scales", [1, 1, 2, 1.5]);

const kernel = tensor("w", [3, 2, 4, 3], uniform("float32", 72, 4));
const indices = integers("indices", [2, -1, 0, 3, -4, 5]);
const oneHot = [integers("depth", [4]), floats("values", [0.5, 2])];

const cases: Record<string, [opset: number, nodes: NodeInit[], constants?: GraphInit["initializer"]]> = {
  ReduceMean: [9, one("ReduceMean", { axes: [2, 3], keepdims: 0 })],
  "ReduceMax over everything": [9, one("ReduceMax", { keepdims: 0 })],
  ReduceSum: [9, one("ReduceSum", { axes: [1] })],
  "Unsqueeze and Squeeze": [
    9,
    [node("Unsqueeze", ["x"], ["h"], { axes: [0, 3] }), node("Squeeze", ["h"], ["y"], { axes: [3] })],
  ],
  Clip: [9, one("Clip", { min: { float: -0.5 }, max: { float: 0.25 } })],
  "Clip from above": [9, one("Clip", { max: { float: 0.25 } })],
  Pad: [9, one("Pad", { pads: [0, 0, 1, 2, 0, 0, 0, 1], value: { float: 3 } })],
  "Pad by mirroring": [9, one("Pad", { pads: [0, 0, 1, 2, 0, 0, 0, 1], mode: "reflect" })],
  Slice: [9, one("Slice", { starts: [1, -3], ends: [2 ** 63 - 2 ** 10, -1], axes: [1, 2] })],
  "Slice without axes": [9, one("Slice", { starts: [1], ends: [2] })],
  TopK: [9, [node("TopK", ["x"], ["y", "places"], { k: 2 })]],
  Dropout: [9, one("Dropout", { ratio: { float: 0.5 } })],
  "Softmax over the last dimensions": [9, one("Softmax", { axis: 2 })],
  "Softmax over the default": [9, one("LogSoftmax")],
  "Softmax over the last of a known rank": [9, one("Softmax", { axis: 3 })],
  "Split in parts": [9, [node("Split", ["x"], ["y", "z"], { axis: 1, split: [1, 2] })]],
  "Split in halves": [9, [node("Split", ["x"], ["y", "z"], { axis: 2 })]],
  BatchNormalization: [
    8,
    one("BatchNormalization", { spatial: 1 }, ["x", "v", "v", "v", "v"]),
    [floats("v", [0.5, 1, 2])],
  ],
  "Upsample of opset 7, nearest": [7, one("Upsample", { scales: { floats: [1, 1, 2, 1.5] } })],
  "Upsample of opset 9, linear": [9, one("Upsample", { mode: "linear" }, ["x", "scales"]), [scales]],
  "Resize of opset 10, nearest": [10, one("Resize", {}, ["x", "scales"]), [scales]],
  "Resize of opset 10, linear": [10, one("Resize", { mode: "linear" }, ["x", "scales"]), [scales]],
  "Resize of opset 11 by sizes": [
    11,
    one("Resize", {}, ["x", "none", "none", "sizes"]),
    [floats("none", []), integers("sizes", [2, 3, 8, 5])],
  ],
  GridSample: [
    16,
    one("GridSample", { mode: "bilinear" }, ["x", "grid"]),
    [tensor("grid", [2, 2, 2, 2], uniform("float32", 16, 3))],
  ],
  RoiAlign: [
    11,
    one("RoiAlign", { output_height: 2, output_width: 2 }, ["x", "regions", "batches"]),
    [tensor("regions", [1, 4], Float32Array.of(0.3, 0.2, 3.1, 2.9)), integers("batches", [1])],
  ],
  "MaxPool that rounds up": [
    10,
    one("MaxPool", { ceil_mode: 1, kernel_shape: [3, 3], strides: [2, 2], pads: [1, 0, 1, 1] }),
  ],
  "AveragePool that rounds up": [10, one("AveragePool", { ceil_mode: 1, kernel_shape: [3, 3], strides: [2, 2] })],
  "ConvTranspose that loses as much at both sides": [
    9,
    one("ConvTranspose", { auto_pad: "SAME_UPPER", strides: [2, 1] }, ["x", "w"]),
    [kernel],
  ],
  "ConvTranspose without padding": [
    9,
    one("ConvTranspose", { auto_pad: "VALID", strides: [2, 2] }, ["x", "w"]),
    [kernel],
  ],
  OneHot: [9, one("OneHot", { axis: 0 }, ["indices", "depth", "values"]), [indices, ...oneHot]],
  GroupNormalization: [
    18,
    one("GroupNormalization", { num_groups: 1, epsilon: { float: 0.25 } }, ["x", "s", "b"]),
    [floats("s", [0.75]), floats("b", [-0.25])],
  ],
  "GroupNormalization of groups": [
    18,
    [
      node("Concat", ["x", "x"], ["h"], { axis: 1 }),
      node("GroupNormalization", ["h", "s", "b"], ["y"], { num_groups: 2 }),
    ],
    [floats("s", [0.75, 2]), floats("b", [-0.25, 3])],
  ],
  DFT: [
    17,
    [node("Unsqueeze", ["x", "axes"], ["h"]), node("DFT", ["h"], ["y"], { axis: 2, onesided: 1 })],
    [integers("axes", [-1])],
  ],
  "DFT of a length": [
    17,
    [node("Unsqueeze", ["x", "axes"], ["h"]), node("DFT", ["h", "n"], ["y"])],
    [integers("axes", [-1]), scalarOf("n", 2)],
  ],
  Scatter: [
    9,
    one("Scatter", { axis: 0 }, ["x", "places", "updates"]),
    [tensor("places", [1, 1, 1, 2], BigInt64Array.of(1n, 0n)), tensor("updates", [1, 1, 1, 2], Float32Array.of(7, 8))],
  ],
};

describe("raised to a higher opset", () => {
  it.each(Object.keys(cases))("%s computes the same", async (name) => {
    const [opset, nodes, constants = []] = cases[name];
    const output =
      nodes
        .at(-1)
        ?.output?.slice(0, 2)
        .filter((each) => each !== "places") ?? [];
    const graph = {
      node: nodes,
      initializer: constants,
      input: [float("x", x.dims)],
      output: output.map((each) => float(each)),
    };
    const bytes = modelBytes({ opset, irVersion: 4, graph });
    const expected = await run(bytes, { x });
    // ONNX Runtime has no RoiAlign of opset 22.
    for (const raised of name.includes("Pool") ? [13, 21, 22] : [13, 21]) {
      const result = (await quantized(bytes, { exclude: ["*"], opset: Math.max(raised, opset) })).bytes;
      const actual = await run(result, { x });
      // From opset 19 on, ONNX Runtime adds the elements of AveragePool in another order.
      if (name.includes("AveragePool")) expect(sqnr(expected.y.data, actual.y.data)).toBeGreaterThan(130);
      else expect(actual).toEqual(expected);
    }
  });

  it("a Softmax over the last of a known rank needs no other nodes", async () => {
    const known = modelBytes({ opset: 9, graph: { node: one("Softmax", { axis: 3 }), input: [float("x", x.dims)] } });
    const unknown = modelBytes({ opset: 9, graph: { node: one("Softmax", { axis: 3 }), input: [float("x")] } });
    const raised = async (bytes: Uint8Array<ArrayBuffer>) =>
      operatorsOf(parse((await quantized(bytes, { exclude: ["*"], opset: 13 })).bytes).graph);
    expect(await raised(known)).toEqual(["Softmax"]);
    expect(await raised(unknown)).toEqual(["Shape", "Flatten", "Softmax", "Reshape"]);
  });

  it("functions are raised from their own opset", async () => {
    const own = {
      name: "Own",
      input: ["a"],
      output: ["b"],
      node: [
        node("Clip", ["a"], ["c"], { max: { float: 0.25 } }),
        node("Softmax", ["c"], ["s"], { axis: 2 }),
        node("ReduceMean", ["s"], ["b"], { axes: [1] }),
      ],
    };
    const graph = {
      node: [
        { ...node("Own", ["x"], ["h"]), domain: "local" },
        { ...node("Own", ["h"], ["y"]), domain: "local" },
      ],
      input: [float("x", x.dims)],
      output: [float("y")],
    };
    const bytes = modelBytes({ opset: 10, graph, functions: [own] });
    const raised = (await quantized(bytes, { exclude: ["*"], opset: 21 })).bytes;
    const { functions, opsetImport } = parse(raised);
    const versions = [opsetImport, functions[0].opsetImport].flatMap((sets) =>
      sets.flatMap(({ domain, version }) => (domain === "" ? [Number(version)] : [])),
    );
    expect(versions).toEqual([21, 21]);
    expect(functions[0].node.map(({ opType }) => opType)).toEqual([
      ...["Constant", "Clip", "Shape", "Flatten", "Softmax", "Reshape", "Constant", "ReduceMean"],
    ]);
    expect(await run(raised, { x })).toEqual(await run(bytes, { x }));

    const given = { name: "axis", type: 2, refAttrName: "axis" };
    const unclear = { ...own, node: [{ ...node("Softmax", ["a"], ["b"]), attribute: [given] }] };
    const model = await openModel(source(modelBytes({ opset: 10, graph, functions: [unclear] })));
    expect(opsetChanges(model, 12)).toEqual([]);
    expect(opsetChanges(model, 13)).toEqual([
      'Softmax "b node" has attributes that calls of its function give, and changes with opset 13',
    ]);
  });

  it("floats that may not be float32 are not written as float32", async () => {
    const half = {
      ...float("h"),
      type: { value: { case: "tensorType" as const, value: { elemType: dataType.FLOAT16 } } },
    };
    const graph = { node: one("Clip", { min: { float: 0 } }, ["h"]), input: [half] };
    const model = await openModel(source(modelBytes({ opset: 9, graph })));
    expect(opsetChanges(model, 13)).toEqual(['Clip "y node" changes with opset 11']);
  });
});
