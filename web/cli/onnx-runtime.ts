import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ComputedTensor, openModel, type RunModel, readFloats } from "channelwise/models";
import { CommandError, UsageError } from "./command-error.js";

// ONNX Runtime, where it is installed, and inputs for models.

/** The part of onnxruntime-node and onnxruntime-web that is used. */
interface Runtime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => ComputedTensor;
  readonly env: { readonly wasm?: { numThreads?: number } };
}

interface Session {
  readonly inputMetadata: readonly {
    readonly name: string;
    readonly isTensor: boolean;
    readonly type: string;
    readonly shape: readonly (number | string)[];
  }[];
  run(inputs: object): Promise<Readonly<Record<string, ComputedTensor>>>;
  release(): Promise<void>;
}

/** The first that is installed is taken: kernels of the native one multiply int8 wrongly on some processors. */
const packages = ["onnxruntime-web", "onnxruntime-node"] as const;
type RuntimePackage = (typeof packages)[number];

/** What runs models, and the package that it is. */
interface Runner {
  readonly run: RunModel;
  readonly runtime: RuntimePackage;
}

/** Random integers are from 0 up to this, like indices into a small table. */
const RANDOM_INTEGERS = 100;

/** @throws {CommandError} where none is installed, neither for the folder of the command nor beside this package. */
async function loadRuntime(
  option: string,
  first: RuntimePackage,
): Promise<{ readonly name: RuntimePackage; readonly runtime: Runtime }> {
  const places = [pathToFileURL(join(process.cwd(), "any.js")).href, import.meta.url];
  for (const name of new Set([first, ...packages])) {
    for (const place of places) {
      let path: string;
      try {
        path = createRequire(place).resolve(name);
      } catch {
        continue; // it is not installed there
      }
      const found = (await import(pathToFileURL(path).href)) as Runtime & { default?: Runtime };
      return { name, runtime: found.InferenceSession ? found : (found.default as Runtime) };
    }
  }
  throw new CommandError(`${option} needs ONNX Runtime: run npm install ${first} in this folder`);
}

/**
 * Returns a function that runs models with the same inputs each time.
 *
 * @param given NAME=FILE.npy, or NAME=SIZExSIZE... for random numbers of this shape. Other inputs get random numbers,
 *   and 1 for each size that the model leaves open.
 * @param option the option that runs models
 * @param first the package that is taken where both are installed
 */
export async function runWith(
  given: readonly string[],
  option = "--run",
  first: RuntimePackage = packages[0],
): Promise<Runner> {
  const { name: runtimeName, runtime } = await loadRuntime(option, first);
  if (runtime.env.wasm) runtime.env.wasm.numThreads = 1;
  const values = new Map<string, string>();
  for (const each of given) {
    const [, name, value] = /^(.+?)=(.+)$/s.exec(each) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`--input is ${each}; it must be NAME=FILE.npy or NAME=2x3`);
    values.set(name, value);
  }
  const run: RunModel = async (model) => {
    // Further optimizations may quantize activations.
    const session = await runtime.InferenceSession.create(model, {
      graphOptimizationLevel: "basic",
      logSeverityLevel: 4,
    });
    try {
      const { inputMetadata } = session;
      const unknown = [...values.keys()].find((name) => !inputMetadata.some((input) => input.name === name));
      if (unknown !== undefined) {
        const names = inputMetadata.map(({ name }) => name).join(", ");
        throw new UsageError(`--input names ${unknown}, which is no input of the model: it has ${names}`);
      }
      const inputs: Record<string, ComputedTensor> = {};
      for (const { name, isTensor, type, shape } of inputMetadata) {
        if (!isTensor) throw new CommandError(`input ${name} is no tensor, and only tensors are made`);
        inputs[name] = await inputFor(runtime, { name, type, shape }, values.get(name));
      }
      return await session.run(inputs);
    } finally {
      await session.release();
    }
  };
  return { run, runtime: runtimeName };
}

/** 1 GB of float32: more is a slip of the pen rather than an input. */
const MOST_NUMBERS = 2 ** 28;

interface Input {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

async function inputFor({ Tensor }: Runtime, { name, type, shape }: Input, value: string | undefined) {
  if (value !== undefined && !/^\d+(x\d+)*$/.test(value)) {
    if (type !== "float32") throw new CommandError(`input ${name} is of ${type}, and only float32 is read from files`);
    const model = await openModel(value);
    try {
      const { tensors } = model;
      const [tensor] = tensors;
      if (tensor === undefined || tensors.length !== 1)
        throw new UsageError(`${value} must hold one array for ${name}`);
      return new Tensor(type, Float32Array.from(await readFloats(tensor)), tensor.shape);
    } finally {
      await model.close();
    }
  }
  const sizes = value?.split("x").map(Number) ?? shape.map((size) => (typeof size === "number" && size > 0 ? size : 1));
  const length = sizes.reduce((a, b) => a * b, 1);
  if (length > MOST_NUMBERS) {
    const most = MOST_NUMBERS.toLocaleString("en-US");
    throw new UsageError(
      `input ${name} of ${sizes.join(" x ")} has more than ${most} numbers; give smaller sizes with --input ${name}=...`,
    );
  }
  return new Tensor(type, randomOf(type, length, name), sizes);
}

/** Numbers that are the same each time: floats from -1 to 1, or integers from 0 on. */
function randomOf(type: string, length: number, name: string) {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const integer = () => Math.floor(next() * RANDOM_INTEGERS);
  if (type === "float32") return Float32Array.from({ length }, () => 2 * next() - 1);
  if (type === "int64") return BigInt64Array.from({ length }, () => BigInt(integer()));
  if (type === "int32") return Int32Array.from({ length }, integer);
  if (type === "bool") return Uint8Array.from({ length }, () => 1);
  throw new CommandError(`input ${name} is of ${type}, which is not made; float32, int64, int32 and bool are`);
}
