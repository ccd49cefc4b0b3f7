import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchTransformers, loadTransformers } from "../../scripts/transformers-js.mjs";
import { dataType, float, modelBytes, node, operatorsOf, parse, scalar, tensor } from "../lib/onnx/models.js";
import { sqnr } from "../lib/onnx/runtime.js";
import { config, transformerBytes, vocabulary } from "../lib/onnx/transformer.js";
import { uniform } from "../lib/random.js";
import { launchChromium, outcomeOf, serve } from "../packaging/browser.js";
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

/** Two texts, the second of which is shorter. */
const dims = [2, 7];
const numbers = (value: (i: number) => number) => Array.from({ length: 14 }, (_, i) => value(i));
const inputs = {
  input_ids: numbers((i) => (37 * i + 5) % vocabulary),
  attention_mask: numbers((i) => (i < 12 ? 1 : 0)),
  token_type_ids: numbers((i) => (i > 8 ? 1 : 0)),
};

/** The output of a model in a folder for the texts. */
async function outputOf(folder: string, dtype: string): Promise<Float32Array> {
  const model = await AutoModel.from_pretrained(folder, { dtype });
  const tensors = Object.entries(inputs).map(([name, values]) => {
    return [name, new Tensor("int64", BigInt64Array.from(values, BigInt), dims)];
  });
  const output = await model(Object.fromEntries(tensors));
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

  it("transformers.js runs it in Chromium, as in Node", async () => {
    const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
    const folders = {
      models: place.path(""),
      transformers: await fetchTransformers(),
      web: `${modules}/onnxruntime-web/dist`,
      common: `${modules}/onnxruntime-common/dist/esm`,
    };
    mkdirSync(place.path("page"));
    for (const [name, folder] of Object.entries(folders)) symlinkSync(folder, place.path(`page/${name}`), "junction");
    const imports = {
      "onnxruntime-web/webgpu": "/web/ort.webgpu.bundle.min.mjs",
      "onnxruntime-common": "/common/index.js",
    };
    const script = `
      import { AutoModel, Tensor, env } from "/transformers/transformers.web.js";
      Object.assign(env, { localModelPath: "/models/", allowLocalModels: true, allowRemoteModels: false });
      Object.assign(env.backends.onnx.wasm, { wasmPaths: location.origin + "/web/", numThreads: 1 });
      const model = await AutoModel.from_pretrained("out", { dtype: "q8", device: "wasm" });
      const tensors = Object.entries(${JSON.stringify(inputs)}).map(([name, values]) =>
        [name, new Tensor("int64", BigInt64Array.from(values, BigInt), ${JSON.stringify(dims)})]);
      const { last_hidden_state: output } = await model(Object.fromEntries(tensors));
      document.querySelector("output").textContent = JSON.stringify(Array.from(output.data));`;
    const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
    const page = `<!doctype html>${map}<output></output><script type="module">${script}</script>`;
    writeFileSync(place.path("page/index.html"), page);
    const server = await serve(place.path("page"), "default-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:");
    const browser = await launchChromium();
    try {
      const output = Float32Array.from((await outcomeOf(browser, server.url)) as number[]);
      expect(sqnr(await outputOf("bert", "fp32"), output)).toBeGreaterThan(25);
      // The runtimes round activations at times to the other side.
      expect(sqnr(await outputOf("out", "q8"), output)).toBeGreaterThan(35);
    } finally {
      await browser.close();
      await server.close();
    }
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
