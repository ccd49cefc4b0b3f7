import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { env, InferenceSession, type Tensor } from "onnxruntime-web/wasm";
import { compareOutput } from "./compare.js";
import { tensorFor } from "./inputs.js";
import { nodesOf, searchNodes } from "./nodes.js";
import type { ModelFiles, RunProgress, RunQuestion, RunQuestions, RunReply, RunRequest } from "./protocol.js";

// Several threads need a cross-origin isolated page, and static hosts do not send the headers for that.
env.wasm.numThreads = 1;
env.wasm.wasmPaths = { wasm: wasmUrl };

/** Both models run in turn until this time has passed, or this many times. */
const TIMED_MILLISECONDS = 1500;
const MAX_RUNS = 9;

/** Errors are shown on the page, not in the console. */
const quiet = { logSeverityLevel: 4 } as const;

let float: InferenceSession;
let quantized: InferenceSession | undefined;
let files: { float: ModelFiles; quantized: ModelFiles };
/** The inputs of the last run. */
let inputs: Record<string, Tensor> = {};

const answers: {
  [T in RunQuestion]: (
    given: RunQuestions[T]["given"],
    tell: (progress: RunProgress) => void,
  ) => Promise<RunQuestions[T]["answer"]>;
} = {
  async load(given) {
    files = { float: given, quantized: given };
    float = await sessionOf(given);
    return float.inputMetadata.map((input) => ({
      name: input.name,
      type: input.isTensor ? input.type : "no tensor",
      shape: input.isTensor ? input.shape : [],
    }));
  },
  async loadQuantized(given) {
    await quantized?.release();
    files.quantized = given;
    quantized = await sessionOf(given);
    return undefined;
  },
  async run(fillings) {
    const other = quantized as InferenceSession;
    inputs = {};
    for (const input of float.inputMetadata) {
      if (!input.isTensor) throw new Error(`Input ${input.name} is not a tensor, and this page can only make tensors.`);
      inputs[input.name] = await tensorFor(input, fillings[input.name]);
    }
    // The first run of a model takes longer than others.
    const [expected, actual] = [await float.run(inputs, quiet), await other.run(inputs, quiet)];
    const outputs = float.outputNames.map((name) => compareOutput(name, expected[name], actual[name]));
    const times: { float: number[]; quantized: number[] } = { float: [], quantized: [] };
    const began = performance.now();
    do {
      times.float.push(await timeOf(float, inputs));
      times.quantized.push(await timeOf(other, inputs));
    } while (performance.now() - began < TIMED_MILLISECONDS && times.float.length < MAX_RUNS);
    return {
      outputs,
      times: { float: median(times.float), quantized: median(times.quantized), runs: times.float.length },
    };
  },
  nodes: () => nodesOf(files.float, files.quantized, runOnce),
  search: (given, tell) => searchNodes(files.float, given, runOnce, (done) => tell({ done })),
};

// Further optimizations may quantize activations too, which is not compared here.
const options = { graphOptimizationLevel: "basic", ...quiet } as const;

/** Runs the bytes of a model on the inputs of the last run. */
async function runOnce(model: Uint8Array<ArrayBuffer>) {
  const session = await InferenceSession.create(model, options);
  try {
    return await session.run(inputs, quiet);
  } finally {
    await session.release();
  }
}

async function sessionOf({ model, external }: ModelFiles): Promise<InferenceSession> {
  return InferenceSession.create(await model.arrayBuffer(), {
    ...options,
    externalData: await Promise.all(
      external.map(async ({ path, data }) => ({ path, data: new Uint8Array(await data.arrayBuffer()) })),
    ),
  });
}

async function timeOf(session: InferenceSession, inputs: Record<string, Tensor>): Promise<number> {
  const began = performance.now();
  await session.run(inputs);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

// Questions are answered one after the other.
let last = Promise.resolve();
self.addEventListener("message", ({ data }: MessageEvent<RunRequest>) => {
  last = last.then(() => answer(data));
});

async function answer({ id, question, given }: RunRequest) {
  try {
    const run = answers[question] as (
      given: unknown,
      tell: (progress: RunProgress) => void,
    ) => Promise<RunQuestions[RunQuestion]["answer"]>;
    const tell = (progress: RunProgress) => self.postMessage({ id, progress } satisfies RunReply);
    self.postMessage({ id, answer: await run(given, tell) } satisfies RunReply);
  } catch (error) {
    self.postMessage({ id, failure: error instanceof Error ? error.message : String(error) } satisfies RunReply);
  }
}
