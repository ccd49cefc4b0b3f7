// The graphs with which onnxruntime does the three jobs, as bytes.

import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

/** @typedef {import("../../tests/lib/onnx-model.js")} OnnxModels */

const int64 = 7; // TensorProto.DataType
const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The models of the jobs, by name. They are arrays of numbers, so that they can be passed into a page.
 * @returns {Promise<Record<string, number[]>>}
 */
export async function onnxModels() {
  const imported = await runnerImport("/tests/lib/onnx-model.ts", { root, configFile: false, logLevel: "error" });
  const { onnxModel, onnxType } = /** @type {OnnxModels} */ (imported.module);

  const scalesAndCodes = [
    // Two reductions are faster than one over |w|, which would be written to memory.
    node("ReduceMax", ["w", "row"], "highest", { keepdims: 0 }),
    node("ReduceMin", ["w", "row"], "lowest", { keepdims: 0 }),
    node("Neg", ["lowest"], "depth"),
    node("Max", ["highest", "depth"], "range"),
    node("Div", ["range", "qmax"], "scales"),
    node("QuantizeLinear", ["w", "scales", "zero"], "quantized", { axis: 0 }),
  ];
  const rowErrors = [
    node("DequantizeLinear", ["quantized", "scales", "zero"], "dequantized", { axis: 0 }),
    node("Sub", ["w", "dequantized"], "error"),
    node("ReduceSumSquare", ["error", "row"], "errorSquares", { keepdims: 0 }),
    node("ReduceSumSquare", ["w", "row"], "weightSquares", { keepdims: 0 }),
    node("ReduceMax", ["error", "row"], "highestError", { keepdims: 0 }),
    node("ReduceMin", ["error", "row"], "lowestError", { keepdims: 0 }),
  ];
  const float = (/** @type {string} */ name, rank = 1) => ({ name, type: onnxType.float32, rank });
  const inputs = [
    float("w", 2),
    float("qmax", 0),
    { name: "row", type: int64, rank: 1 },
    { name: "zero", type: onnxType.int8, rank: 1 },
  ];
  const codes = [float("scales"), { name: "quantized", type: onnxType.int8, rank: 2 }];
  const errors = ["errorSquares", "weightSquares", "highestError", "lowestError"].map((name) => float(name));

  const bytes = (/** @type {typeof scalesAndCodes} */ nodes, /** @type {typeof codes} */ outputs) =>
    Array.from(onnxModel({ opset: 21, nodes, inputs, outputs }));
  const everything = [...scalesAndCodes, ...rowErrors];
  return {
    codes: bytes(scalesAndCodes, codes),
    "codes, errors": bytes(everything, [...codes, ...errors]),
    "codes, errors, dequantized": bytes(everything, [...codes, ...errors, float("dequantized", 2)]),
  };
}

/**
 * @param {string} operator
 * @param {string[]} inputs
 * @param {string} output
 * @param {Record<string, number>} integers
 */
function node(operator, inputs, output, integers = {}) {
  return { operator, inputs, output, integers };
}
