import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadTransformers } from "../../scripts/transformers-js.mjs";
import { dataType, float, modelBytes, node, operatorsOf, parse, scalar, tensor } from "../lib/onnx/models.js";
import { sqnr } from "../lib/onnx/runtime.js";
import { config, transformerBytes, vocabulary } from "../lib/onnx/transformer.js";
import { uniform } from "../lib/random.js";
import { Workplace } from "./command.js";

const { AutoModel, Tensor, env } = await loadTransformers();

const place = new Workplace();
let told = "";
beforeAll(async () => {
  mkdirSync(place.path("bert/onnx"), { recursive: true });
  writeFileSync(place.path("bert/onnx/model.onnx"), transformerBytes());
  writeFileSync(place.path("bert/config.json"), JSON.stringify(config));
  writeFileSync(place.path("bert/tokenizer.json"), "{}");
  const { code, stderr } = await place.run("quantize", "bert/onnx/model.onnx", "--for", "transformers.js", "-o", "out");
  expect(code).toBe(0);
  told = stderr;
  env.localModelPath = place.path("");
  env.allowRemoteModels = false;
});
afterAll(() => place.remove());

/** The output of a model in a folder for two texts, the second of which is shorter. */
async function outputOf(folder: string, dtype: string): Promise<Float32Array> {
  const model = await AutoModel.from_pretrained(folder, { dtype });
  const of = (values: (i: number) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from({ length: 14 }, (_, i) => BigInt(values(i))),
      [2, 7],
    );
  const output = await model({
    input_ids: of((i) => (37 * i + 5) % vocabulary),
    attention_mask: of((i) => (i < 12 ? 1 : 0)),
    token_type_ids: of((i) => (i > 8 ? 1 : 0)),
  });
  expect(output.last_hidden_state.dims).toEqual([2, 7, 64]);
  return Float32Array.from(output.last_hidden_state.data);
}

describe("quantize --for transformers.js", () => {
  it("writes a file for each type, and copies what describes the model", () => {
    const names = ["fp16", "int8", "q4", "q4f16", "quantized", "uint8"].map((type) => `model_${type}.onnx`);
    expect(place.list("out/onnx")).toEqual(names);
    expect(place.list("out")).toEqual(["config.json", "onnx", "tokenizer.json"]);
    expect(told).toContain("copied config.json, tokenizer.json\n");
    expect(told).toContain("_bnb4 is left out");
  });

  it.each([
    ["q8", "_quantized", "MatMulInteger", 25],
    ["uint8", "_uint8", "MatMulInteger", 25],
    ["q4", "_q4", "MatMulNBits", 12],
    ["q4f16", "_q4f16", "MatMulNBits", 12],
    ["fp16", "_fp16", "MatMul", 45],
  ])("transformers.js runs dtype %s", async (dtype, suffix, operator, least) => {
    const bytes = readFileSync(place.path(`out/onnx/model${suffix}.onnx`));
    expect(operatorsOf(parse(bytes).graph).filter((each) => each === operator).length).toBeGreaterThanOrEqual(6);
    const expected = await outputOf("bert", "fp32");
    expect(sqnr(expected, await outputOf("out", dtype))).toBeGreaterThan(least);
  });

  it("leaves out the types that a model cannot have, and says why", async () => {
    mkdirSync(place.path("if"));
    const weight = tensor("w", [64, 24], uniform("float32", 64 * 24, 1));
    const branch = { graph: { name: "b", node: [node("MatMul", ["x", "w"], ["r"])], output: [float("r", [5, 24])] } };
    const graph = {
      node: [node("If", ["condition"], ["y"], { then_branch: branch, else_branch: branch })],
      initializer: [weight],
      input: [{ ...scalar("condition", dataType.BOOL) }, float("x", [5, 64])],
      output: [float("y", [5, 24])],
    };
    writeFileSync(place.path("if/model.onnx"), modelBytes({ opset: 17, graph }));
    const { code, stderr } = await place.run("quantize", "if/model.onnx", "--for", "transformers.js", "-o", "if-out");
    expect(code).toBe(0);
    expect(stderr).toContain('model_fp16.onnx is left out: float16 is true, and If "y node" prevents it');
    expect(place.list("if-out/onnx")).toEqual(["int8", "q4", "quantized", "uint8"].map((type) => `model_${type}.onnx`));
  });

  it.each([
    ["--for", "tf.js", "--for is tf.js; it must be transformers.js"],
    ["--for", "transformers.js", "--bits", "4", "--bits cannot be given with --for"],
  ])("refuses %s %s", async (...args) => {
    const message = args.pop() as string;
    const { code, stderr } = await place.run("quantize", "bert/onnx/model.onnx", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
