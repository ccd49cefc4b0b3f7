import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { TensorProto_DataLocation } from "onnx-buf";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadOnnxruntimeNode } from "../../../scripts/ocr/packages.mjs";
import { uniform } from "../random.js";
import { channelwise } from "./memory.js";
import { dataType, float, modelBytes, node, type TensorInit, tensor } from "./models.js";
import { run, sqnr } from "./runtime.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const values = uniform("float32", 64 * 32, 1);

function model(weights: TensorInit) {
  return modelBytes({
    opset: 13,
    graph: {
      node: [node("MatMul", ["x", "w"], ["y"])],
      initializer: [weights],
      input: [float("x", [3, 64])],
      output: [float("y")],
    },
  });
}

/** A model in the folder, whose weights lie in a folder below it. */
function writeModel(): string {
  const externalData = [{ key: "location", value: "data/weights.bin" }];
  const weights = { name: "w", dims: [64n, 32n], dataType: dataType.FLOAT, externalData };
  const path = join(folder, "model.onnx");
  writeFileSync(path, model({ ...weights, dataLocation: TensorProto_DataLocation.EXTERNAL }));
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "data/weights.bin"), new Uint8Array(values.buffer));
  return path;
}

it("a path is enough: data beside the model are found, and onnxruntime-node loads what is written", async () => {
  const opened = await openModel(writeModel());
  // Every processor computes it alike.
  const plan = planModel(opened, { target: "portable" });
  const path = join(folder, "model-int8.onnx");
  const external = { location: "model-int8.bin", sink: await fileSink(join(folder, "model-int8.bin")) };
  await quantizeModel(channelwise, plan, await fileSink(path), { external });
  await opened.close();

  const { InferenceSession, Tensor } = await loadOnnxruntimeNode();
  const x = { data: uniform("float32", 3 * 64, 9), dims: [3, 64] };
  const session = await InferenceSession.create(path, { graphOptimizationLevel: "basic" });
  const { y } = await session.run({ x: new Tensor("float32", x.data, x.dims) });
  await session.release();
  const expected = (await run(model(tensor("w", [64, 32], values)), { x })).y.data;
  expect(sqnr(expected, y.data as Float32Array)).toBeGreaterThan(30);
});

it("nothing is left where data are missing, or not finite", async () => {
  const path = writeModel();
  rmSync(join(folder, "data/weights.bin"));
  await expect(openModel(path)).rejects.toMatchObject({ name: "FormatError", tensor: "w" });
  await expect(openModel(path)).rejects.toThrow(
    /data\/weights\.bin beside the model, which cannot be opened: .*ENOENT/,
  );

  const broken = new Float32Array(2048).fill(Number.NaN);
  writeFileSync(join(folder, "data/weights.bin"), new Uint8Array(broken.buffer));
  const opened = await openModel(path);
  const sink = await fileSink(join(folder, "out.onnx"));
  const external = { location: "out.bin", sink: await fileSink(join(folder, "out.bin")) };
  await expect(quantizeModel(channelwise, planModel(opened), sink, { external })).rejects.toThrow(
    "tensor w: weights[0]",
  );
  await opened.close();
  expect(readdirSync(folder).sort()).toEqual(["data", "model.onnx"]);
  expect(existsSync(join(folder, "out.bin"))).toBe(false);
});
