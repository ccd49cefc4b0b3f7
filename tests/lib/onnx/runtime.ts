import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { expect } from "vitest";
import type { OnnxRuntime } from "../../../scripts/ocr/evaluate.mjs";

env.wasm.numThreads = 1;

/** In Node, the native runtime is added. */
const runtimes: OnnxRuntime[] = [{ InferenceSession, Tensor }];
if (typeof process === "object") {
  const packages = "../../../scripts/ocr/packages.mjs"; // a page does not need it
  const { loadOnnxruntimeNode } = await import(/* @vite-ignore */ packages);
  runtimes.push(await loadOnnxruntimeNode());
}

export interface Values {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** Runs a model in ONNX Runtime and returns all its outputs. In Node both kinds of runtime run it, and must agree. */
export async function run(
  model: Uint8Array,
  inputs: Readonly<Record<string, Values>>,
): Promise<Record<string, Values>> {
  const [first, ...others] = await Promise.all(runtimes.map((runtime) => runIn(runtime, model, inputs)));
  for (const other of others) {
    for (const [name, { data, dims }] of Object.entries(first)) {
      expect(other[name].dims).toEqual(dims);
      expect(sqnr(data, other[name].data)).toBeGreaterThan(100);
    }
  }
  return first;
}

async function runIn(
  { InferenceSession, Tensor }: OnnxRuntime,
  model: Uint8Array,
  inputs: Readonly<Record<string, Values>>,
) {
  const session = await InferenceSession.create(model, { graphOptimizationLevel: "basic" });
  try {
    const tensors = Object.entries(inputs).map(([name, { data, dims }]) => [name, new Tensor("float32", data, dims)]);
    const outputs = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: data as Float32Array, dims }]),
    );
  } finally {
    await session.release();
  }
}

/** 10 log10(sum of expected squares / sum of squared differences), in dB. */
export function sqnr(expected: Float32Array, actual: Float32Array): number {
  let [signal, noise] = [0, 0];
  expected.forEach((value, i) => {
    signal += value ** 2;
    noise += (value - actual[i]) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}
