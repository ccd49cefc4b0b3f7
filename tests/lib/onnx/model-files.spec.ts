import { openModel, readFloats } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { source } from "./memory.js";
import { float, modelBytes, node, tensor } from "./models.js";

const values = uniform("float32", 64 * 32, 1);
const bytes = modelBytes({
  opset: 13,
  graph: {
    node: [node("MatMul", ["x", "w"], ["y"])],
    initializer: [tensor("w", [64, 32], values)],
    input: [float("x", [3, 64])],
    output: [float("y")],
  },
});

describe("a model is read", () => {
  it.each<[string, Parameters<typeof openModel>, string]>([
    ["from bytes", [bytes], "the file"],
    ["from bytes with a name", [bytes, { name: "net.onnx" }], "net.onnx"],
    ["from a buffer", [bytes.buffer], "the file"],
    ["from a Blob", [new Blob([bytes])], "the file"],
    ["from a File", [new File([bytes], "file.onnx")], "file.onnx"],
    ["from a source", [source(bytes)], "model.onnx"],
    ["from several files", [[new File(["{}"], "config.json"), new File([bytes], "file.ONNX")]], "file.ONNX"],
  ])("%s", async (_, args, name) => {
    const model = await openModel(...args);
    expect(model).toMatchObject({ name, opset: 13, irVersion: 10 });
    const [weight] = model.tensors;
    expect(weight).toMatchObject({ name: "w", shape: [64, 32], axis: 1, byteLength: 8192 });
    expect(weight).toMatchObject({ operators: ["MatMul"], nodes: ["y node"] });
    expect(await readFloats(weight, 100, 50)).toEqual(values.slice(100, 150));
    await model.close();
  });

  it("from a file only", async () => {
    for (const [files, message] of [
      [[], "files is empty; there must be at least one"],
      [1, "a file must be a Blob, bytes, a path (in Node) or a ByteSource, not 1"],
    ] as const) {
      await expect(openModel(files as unknown as Blob)).rejects.toThrow(TypeError);
      await expect(openModel(files as unknown as Blob)).rejects.toThrow(message);
    }
    await expect(openModel(bytes, { names: "a" } as object)).rejects.toThrow('options has no "names"; it has name');
  });
});
