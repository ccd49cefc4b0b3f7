import { openModel, planModel } from "channelwise/models";
import { InferenceSession } from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import { quantized, source } from "./memory.js";
import { float, integers, modelBytes, type NodeInit, node, tensor } from "./models.js";
import "./runtime.js"; // one thread

// Operators that ONNX Runtime runs up to opset 21 alone: a plan that raises a model above it says so.

const constants = [
  tensor("pixels", [1, 1, 4, 4], new Float32Array(16)),
  tensor("square", [2, 2], new Float32Array(4)),
  tensor("region", [1, 4], Float32Array.of(0, 0, 3, 3)),
  tensor("numbered", [1, 5], Float32Array.of(0, 0, 0, 3, 3)),
  integers("batch", [0]),
];
/** From these constants, and a Cast from integers to floats where the operator gives integers. */
const nodes: Record<string, NodeInit> = {
  Bernoulli: node("Bernoulli", ["square"], ["h"]),
  GlobalLpPool: node("GlobalLpPool", ["pixels"], ["h"]),
  MaxRoiPool: node("MaxRoiPool", ["pixels", "numbered"], ["h"], { pooled_shape: [2, 2] }),
  Multinomial: node("Multinomial", ["square"], ["h"]),
  RandomNormal: node("RandomNormal", [], ["h"], { shape: [2] }),
  RandomNormalLike: node("RandomNormalLike", ["square"], ["h"]),
  RandomUniform: node("RandomUniform", [], ["h"], { shape: [2] }),
  RandomUniformLike: node("RandomUniformLike", ["square"], ["h"]),
  RoiAlign: node("RoiAlign", ["pixels", "region", "batch"], ["h"], { output_height: 2, output_width: 2 }),
};
const modelWith = (opset: number, first: NodeInit) =>
  modelBytes({
    opset,
    irVersion: 10,
    graph: {
      node: [first, node("Cast", ["h"], ["y"], { to: 1 })],
      initializer: constants.filter(({ name = "" }) => first.input?.includes(name)),
      output: [float("y")],
    },
  });

describe("operators that ONNX Runtime runs up to opset 21 alone", () => {
  it.each(Object.keys(nodes))("%s", async (operator) => {
    const bytes = modelWith(17, nodes[operator]);
    const notes = async (opset?: number) => {
      const model = await openModel(source(bytes));
      return planModel(model, opset === undefined ? {} : { opset }).notes;
    };
    const load = async (opset: number) => {
      const session = await InferenceSession.create((await quantized(bytes, { opset })).bytes);
      await session.release();
    };
    await load(21);
    expect(await notes(21)).toEqual([]);
    await expect(load(22)).rejects.toThrow("Could not find an implementation");
    expect(await notes(22)).toEqual([
      expect.stringMatching(new RegExp(`^ONNX Runtime runs ${operator} up to opset 21`)),
    ]);
    expect(await notes()).toEqual([]);
  });
});
