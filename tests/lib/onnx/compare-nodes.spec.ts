import { compareNodes, openModel } from "channelwise/models";
import { expect, it } from "vitest";
import { uniform } from "../random.js";
import { quantized, source } from "./memory.js";
import { float, modelBytes, node, tensor } from "./models.js";
import { run, sqnr } from "./runtime.js";

const x = { data: uniform("float32", 4 * 64, 9), dims: [4, 64] };
const first = uniform("float32", 64 * 64, 1);
const graph = {
  node: [
    node("Gemm", ["x", "v"], ["h"]),
    node("Relu", ["h"], ["r"]),
    node("MatMul", ["r", "w"], ["g"]),
    node("MatMul", ["g", "u"], ["y"]),
  ],
  initializer: [
    tensor("v", [64, 64], first),
    tensor("w", [64, 64], uniform("float32", 64 * 64, 2)),
    tensor("u", [64, 64], uniform("float32", 64 * 64, 3)),
  ],
  input: [float("x", x.dims)],
  output: [float("y")],
};
const bytes = modelBytes({ opset: 17, graph });

/** Runs a model with the same input, as ComputedTensors. */
const runIt = async (model: Uint8Array) => {
  const outputs = await run(model, { x });
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, { type: "float32", ...values }]));
};

it.each(["wasm", "portable"] as const)("compares what nodes compute, the worst first: %s", async (target) => {
  const rules = { minimumSize: 1, exclude: ["u"], overrides: { w: { bits: 3 } }, target } as const;
  const result = await quantized(bytes, rules);
  const model = await openModel(source(result.bytes));
  const { nodes, outputs } = await compareNodes(result.model, model, runIt);
  expect(nodes.map(({ node, operator, tensors, output }) => [node, operator, tensors, output])).toEqual([
    ["g node", "MatMul", ["w"], "g"],
    ["h node", "Gemm", ["v"], "h"],
  ]);
  const [expected, actual] = [await run(bytes, { x }), await run(result.bytes, { x })];
  expect(outputs).toMatchObject([{ output: "y", sqnr: expect.closeTo(sqnr(expected.y.data, actual.y.data), 2) }]);
  expect(nodes[0].sqnr).toBeLessThan(25);
  expect(nodes[1].sqnr).toBeGreaterThan(35);
});

it("finds nothing where models are equal", async () => {
  const model = await openModel(source(bytes));
  const { nodes, outputs } = await compareNodes(model, model, runIt);
  expect({ nodes, outputs }).toEqual({ nodes: [], outputs: [{ output: "y", sqnr: Infinity, maxError: 0 }] });
});

it("says where a runtime gives too little", async () => {
  const model = await openModel(source(bytes));
  await expect(compareNodes(model, model, async () => ({}))).rejects.toThrow('run gave no output "y"');
});

it("takes NaN and infinity for the whole loss, except where both models give them", async () => {
  const model = await openModel(source(bytes));
  const outputsOf = async (...outputs: number[][]) => {
    const run = async () => ({ y: { type: "float32", data: outputs.shift() as number[], dims: [3] } });
    return (await compareNodes(model, model, run)).outputs[0];
  };
  expect(await outputsOf([1, 2, 3], [1, NaN, 3])).toEqual({ output: "y", sqnr: -Infinity, maxError: NaN });
  expect(await outputsOf([1, 2, 3], [1, Infinity, 3])).toEqual({ output: "y", sqnr: -Infinity, maxError: Infinity });
  expect(await outputsOf([1, Infinity, 3], [1, 2, 3])).toEqual({ output: "y", sqnr: -Infinity, maxError: Infinity });
  expect(await outputsOf([1, NaN, Infinity], [1, NaN, Infinity])).toEqual({ output: "y", sqnr: Infinity, maxError: 0 });
});
