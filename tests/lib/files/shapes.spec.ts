// Every format refuses a shape whose dimensions have a product that cannot be counted, even beside a zero.

import { FormatError, openModel } from "channelwise/models";
import { readNpy } from "channelwise/npy";
import { describe, expect, it } from "vitest";
import { float, modelBytes, node, tensor } from "../onnx/models.js";
import { safetensorsFile } from "./safetensors-file.js";

const bytes = (text: string) => new TextEncoder().encode(text);

/** The readers, with a tensor without elements. */
const readers: Record<string, (shape: readonly number[]) => unknown> = {
  safetensors: (shape) =>
    openModel(safetensorsFile({ w: { dtype: "F32", shape, data_offsets: [0, 0] } }), { name: "w.safetensors" }),
  "safetensors of int8": (shape) =>
    openModel(safetensorsFile({ w: { dtype: "I8", shape, data_offsets: [0, 0] } }), { name: "w.safetensors" }),
  npy: (shape) => openModel(npyFile(shape), { name: "w.npy" }),
  readNpy: (shape) => readNpy(npyFile(shape)),
  tfjs: (shape) => {
    const weightsManifest = [{ paths: ["w.bin"], weights: [{ name: "w", shape, dtype: "float32" }] }];
    const files = [JSON.stringify({ weightsManifest }), ""];
    const [json, bin] = files.map((text, i) => new File([text], ["model.json", "w.bin"][i]));
    return openModel([json, bin]);
  },
  onnx: (shape) =>
    openModel(
      modelBytes({
        opset: 13,
        graph: {
          ...{ input: [float("x")], output: [float("y")], node: [node("MatMul", ["x", "w"], ["y"])] },
          initializer: [tensor("w", [...shape], new Float32Array())],
        },
      }),
      { name: "model.onnx" },
    ),
};

function npyFile(shape: readonly number[]): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }\n`;
  return Uint8Array.of(0x93, ...bytes("NUMPY"), 1, 0, header.length & 0xff, header.length >> 8, ...bytes(header));
}

const huge = Number.MAX_SAFE_INTEGER;

describe.each(Object.entries(readers))("%s", (_, read) => {
  it.each([
    [[huge, huge, 0]],
    [[0, huge, huge]],
    [[huge, 0, huge]],
    [[2 ** 24, 2 ** 24, 0]],
    [[0, ...Array.from({ length: 63 }, () => huge)]],
  ])("refuses %j", async (shape) => {
    const error = await Promise.resolve()
      .then(() => read(shape))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).reason).toMatch(/ whose product without zeros is at most 140737488355328\b/);
  });

  it.each([[[0, 2]], [[2 ** 23, 2 ** 24, 0]], [[0, 2 ** 47]]])("reads %j", async (shape) => {
    await read(shape);
  });
});
