// The peer onnxruntime-web, with one thread.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

env.wasm.numThreads = 1;

/**
 * Returns a function that quantizes these rows. Its arrays are always new, since ONNX Runtime cannot fill given ones.
 * @param {number[]} model
 * @param {Float32Array} weights
 * @param {number[]} shape
 * @param {boolean} errors
 */
export async function onnxruntimeRows(model, weights, shape, errors) {
  const session = await InferenceSession.create(Uint8Array.from(model));
  const inputs = {
    w: new Tensor("float32", weights, shape),
    qmax: new Tensor("float32", [127], []),
    row: new Tensor("int64", [1n], [1]),
    zero: new Tensor("int8", new Int8Array(shape[0]), [shape[0]]),
  };
  const run = async () => {
    const outputs = await session.run(inputs);
    const floats = (/** @type {string} */ name) => /** @type {Float32Array} */ (outputs[name].data);
    const quantized = /** @type {Int8Array} */ (outputs.quantized.data);
    const arrays = { scales: floats("scales"), quantized };
    if (!errors) return arrays;
    // The sums of the rows are added here, since a float32 sum over all of a large matrix is percents off.
    const [errorSum, weightSum] = [sum(floats("errorSquares")), sum(floats("weightSquares"))];
    const maxError = floats("highestError").reduce((a, b) => Math.max(a, b), 0);
    const minError = floats("lowestError").reduce((a, b) => Math.min(a, b), 0);
    return {
      ...arrays,
      ...("dequantized" in outputs ? { dequantized: floats("dequantized") } : {}),
      mse: errorSum / weights.length,
      maxError: Math.max(maxError, -minError),
      sqnr: 10 * Math.log10(weightSum / errorSum),
    };
  };
  return { run, release: () => session.release() };
}

const sum = (/** @type {Float32Array} */ numbers) => numbers.reduce((a, b) => a + b, 0);
