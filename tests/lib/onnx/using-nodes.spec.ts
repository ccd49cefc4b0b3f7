import { openModel } from "channelwise/models";
import { expect, it } from "vitest";
import { uniform } from "../random.js";
import { float, modelBytes, node, tensor } from "./models.js";

it("the nodes that use a tensor are told, with what they also take and what takes their output", async () => {
  const bytes = modelBytes({
    opset: 17,
    graph: {
      node: [
        node("Transpose", ["w"], ["wt"], { perm: [1, 0] }),
        node("MatMul", ["x", "wt"], ["y"]),
        node("Add", ["y", "b"], ["z"]),
        node("Relu", ["z"], ["r"]),
        node("MatMul", ["r", "v"], ["out"]),
      ],
      initializer: [
        tensor("w", [16, 8], uniform("float32", 128, 1)),
        tensor("b", [16], uniform("float32", 16, 2)),
        tensor("v", [16, 4], uniform("float32", 64, 3)),
      ],
      input: [float("x", [1, 8])],
      output: [float("out")],
    },
  });
  const { tensors } = await openModel(new File([bytes], "net.onnx"));
  const used = Object.fromEntries(tensors.map(({ name, usedBy }) => [name, usedBy?.()]));
  const direct = { after: undefined, isLast: false };
  expect(used).toEqual({
    w: [
      { ...direct, name: "wt node", operator: "Transpose", inputs: [], next: ["MatMul"] },
      { ...direct, name: "y node", operator: "MatMul", after: 0, inputs: [{ name: "x" }], next: ["Add"] },
    ],
    b: [{ ...direct, name: "z node", operator: "Add", inputs: [{ name: "y", operator: "MatMul" }], next: ["Relu"] }],
    v: [
      {
        ...direct,
        name: "out node",
        operator: "MatMul",
        inputs: [{ name: "r", operator: "Relu" }],
        next: [],
        isLast: true,
      },
    ],
  });
});
