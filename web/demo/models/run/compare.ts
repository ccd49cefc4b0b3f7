import type { Tensor } from "onnxruntime-web/wasm";
import type { ComparedOutput } from "./protocol.js";

/** Compares an output of the quantized model with that of the float model. */
export function compareOutput(name: string, float: Tensor, quantized: Tensor): ComparedOutput {
  const [expected, actual] = [float, quantized].map(({ data }) => Float64Array.from(data as ArrayLike<number>, Number));
  if (expected.length !== actual.length) {
    throw new Error(
      `Output ${name} has the shape [${float.dims.join(", ")}] and, quantized, [${quantized.dims.join(", ")}].`,
    );
  }
  let [signal, other, both, noise, maxDifference, largest, equal] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(expected[i] - actual[i]);
    signal += expected[i] ** 2;
    other += actual[i] ** 2;
    both += expected[i] * actual[i];
    noise += difference ** 2;
    maxDifference = Math.max(maxDifference, difference);
    largest = Math.max(largest, Math.abs(expected[i]));
    if (difference === 0) equal++;
  }
  return {
    name,
    shape: float.dims,
    type: float.type,
    cosine: both / Math.sqrt(signal * other),
    sqnr: noise === 0 ? Infinity : 10 * Math.log10(signal / noise),
    maxDifference,
    largest,
    equal: equal / expected.length,
  };
}
