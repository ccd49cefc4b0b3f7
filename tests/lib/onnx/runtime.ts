import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { expect } from "vitest";
import type { OnnxRuntime } from "../../../scripts/ocr/evaluate.mjs";
import { dataType, graphsOf, modelBytes, node, operatorsOf, parse, tensorsOf } from "./models.js";

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

/**
 * Whether a runtime's MatMulInteger of int8 weights is not that of ONNX: on x86 processors without VNNI, the native one adds products of
 * 8 bits in pairs that saturate at 16 bits (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html,
 * "reduce_range").
 */
async function saturates({ InferenceSession, Tensor }: OnnxRuntime): Promise<boolean> {
  const [depth, columns] = [64, 16];
  const of = (name: string, elemType: number) => ({
    name,
    type: { value: { case: "tensorType" as const, value: { elemType } } },
  });
  const weights = { name: "w", dataType: dataType.INT8, dims: [BigInt(depth), BigInt(columns)] };
  const model = modelBytes({
    opset: 13,
    graph: {
      node: [node("MatMulInteger", ["x", "w"], ["y"])],
      initializer: [{ ...weights, rawData: new Uint8Array(depth * columns).fill(127) }],
      input: [of("x", dataType.UINT8)],
      output: [of("y", dataType.INT32)],
    },
  });
  const session = await InferenceSession.create(model);
  try {
    const { y } = await session.run({ x: new Tensor("uint8", new Uint8Array(depth).fill(255), [1, depth]) });
    return (y.data as Int32Array)[0] !== depth * 255 * 127;
  } finally {
    await session.release();
  }
}

const saturating = new Set<OnnxRuntime>();
for (const runtime of runtimes) if (await saturates(runtime)) saturating.add(runtime);

/** Whether a model has MatMulInteger and weights of int8 in their full range. */
function multipliesInt8(model: Uint8Array): boolean {
  const { graph } = parse(model);
  const isFull = ({ rawData }: { rawData: Uint8Array }) => new Int8Array(rawData).some((code) => Math.abs(code) > 64);
  const weights = [...tensorsOf(model).values()].filter(({ dataType: type }) => type === dataType.INT8);
  return graphsOf(graph).some((each) => operatorsOf(each).includes("MatMulInteger")) && weights.some(isFull);
}

/**
 * Runs a model in ONNX Runtime and returns all its outputs. In Node both kinds of runtime run it, and must agree, unless
 * the processor saturates what the model computes.
 */
export async function run(
  model: Uint8Array,
  inputs: Readonly<Record<string, Values>>,
): Promise<Record<string, Values>> {
  const right = runtimes.filter((runtime) => !saturating.has(runtime) || !multipliesInt8(model));
  const [first, ...others] = await Promise.all(right.map((runtime) => runIn(runtime, model, inputs)));
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
