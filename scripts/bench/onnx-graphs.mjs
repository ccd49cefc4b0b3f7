// Float models to quantize and run: one operator each, and the OCR models.

import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";
import { readOcrModels } from "../ocr/packages.mjs";
import { drawPictures } from "../ocr/pictures.mjs";
import { tasks } from "../ocr/tasks.mjs";

/** @typedef {import("../../tests/lib/onnx/models.js")} Models */
/** @typedef {{ data: Float32Array | BigInt64Array, dims: readonly number[] }} Input */
/** @typedef {import("../../tests/lib/onnx/transformer.js")} Transformer */
/** @typedef {{ name: string, isModel?: boolean, bytes: Uint8Array<ArrayBuffer>, inputs: Record<string, Input> }} Graph */

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The operator of a layer, the shapes of its weights and of its activations, and its attributes. */
const layers = [
  ...[1, 16, 128].map((rows) => layer(`MatMul, ${rows} rows`, "MatMul", { w: [1024, 1024] }, [rows, 1024])),
  ...[1, 16, 128].map((rows) => layer(`Gemm, ${rows} rows`, "Gemm", { w: [1024, 1024] }, [rows, 1024], { transB: 1 })),
  layer("Conv 3 x 3, 64 to 64", "Conv", { w: [64, 64, 3, 3] }, [1, 64, 40, 40], { pads: [1, 1, 1, 1] }),
  layer("Conv 1 x 1, 512 to 512", "Conv", { w: [512, 512, 1, 1] }, [1, 512, 1, 10]),
  layer("Conv, depthwise", "Conv", { w: [256, 1, 3, 3] }, [1, 256, 40, 40], { group: 256, pads: [1, 1, 1, 1] }),
  layer("ConvTranspose", "ConvTranspose", { w: [64, 64, 2, 2] }, [1, 64, 20, 20], { strides: [2, 2] }),
  layer("LSTM, 20 steps", "LSTM", { w: [1, 512, 128], r: [1, 512, 128] }, [20, 1, 128], { hidden_size: 128 }),
];

/**
 * @param {string} name
 * @param {string} operator
 * @param {Record<string, number[]>} weights
 * @param {number[]} x
 * @param {Record<string, number | number[]>} attributes
 */
function layer(name, operator, weights, x, attributes = {}) {
  return { name, operator, weights, x, attributes };
}

/** @returns {AsyncGenerator<Graph>} */
export async function* graphs() {
  const imported = await runnerImport("/tests/lib/onnx/models.ts", { root, configFile: false, logLevel: "error" });
  const { float, modelBytes, node, tensor } = /** @type {Models} */ (imported.module);
  for (const { name, operator, weights, x, attributes } of layers) {
    const graph = {
      node: [node(operator, ["x", ...Object.keys(weights)], ["y"], attributes)],
      initializer: Object.entries(weights).map(([weight, shape]) => tensor(weight, shape, random(shape))),
      input: [float("x", x)],
      output: [float("y")],
    };
    yield { name, bytes: modelBytes({ opset: 17, graph }), inputs: { x: { data: random(x), dims: x } } };
  }
  const indices = { data: BigInt64Array.from({ length: 64 }, (_, i) => BigInt(317 * i)), dims: [64] };
  const table = {
    node: [node("Gather", ["w", "indices"], ["y"])],
    initializer: [tensor("w", [30000, 384], random([30000, 384])), tensor("indices", [64], indices.data)],
    output: [float("y")],
  };
  yield { name: "Gather, 64 of 30,000 rows", bytes: modelBytes({ opset: 17, graph: table }), inputs: {} };
  const { rec, det, cls } = await readOcrModels();
  // Of noise, a model that finds text finds none, and its outputs are next to nothing.
  const pictures = await drawPictures();
  const picture = (/** @type {import("../ocr/packages.mjs").ModelName} */ task) => {
    const [{ values, shape }] = tasks[task].inputs(pictures);
    return { x: { data: values, dims: shape } };
  };
  yield { name: "OCR, recognition", isModel: true, bytes: rec.bytes, inputs: picture("rec") };
  yield { name: "OCR, detection", isModel: true, bytes: det.bytes, inputs: picture("det") };
  yield { name: "OCR, orientation", isModel: true, bytes: cls.bytes, inputs: picture("cls") };
  const block = await runnerImport("/tests/lib/onnx/transformer.ts", { root, configFile: false, logLevel: "error" });
  const { transformerBytes } = /** @type {Transformer} */ (block.module);
  const tokens = (/** @type {(i: number) => number} */ at) => {
    return { data: BigInt64Array.from({ length: 64 }, (_, i) => BigInt(at(i))), dims: [1, 64] };
  };
  const inputs = { input_ids: tokens((i) => 37 * i), attention_mask: tokens(() => 1), token_type_ids: tokens(() => 0) };
  const bytes = transformerBytes({ hidden: 384, vocabulary: 8192 });
  yield { name: "Transformer block, 64 tokens", isModel: true, bytes, inputs };
}

/** Uniform numbers from -1 to 1, always the same. */
function random(/** @type {readonly number[]} */ shape) {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next);
}
