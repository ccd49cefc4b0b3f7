import type { Activations, Model } from "../formats/format.js";
import { widenFloat16 } from "../tensor/floats.js";
import { kindOf } from "./plan.js";

// Compares what the nodes of two .onnx models compute.

/** A tensor that a runtime computed, such as one of onnxruntime-web or onnxruntime-node. */
export interface ComputedTensor {
  /** The type, as ONNX Runtime names it: "float32", "float16", "int64" and so on. */
  readonly type: string;
  /** The numbers. Those of float16 may be the bits of each in a Uint16Array. */
  readonly data: ArrayLike<number | bigint | boolean | string>;
  /** The size of each dimension. */
  readonly dims: readonly number[];
}

/**
 * Runs a model of one file with inputs that are always the same.
 *
 * @param model the bytes of an .onnx file.
 * @returns all its outputs by name.
 */
export type RunModel = (model: Uint8Array<ArrayBuffer>) => Promise<Readonly<Record<string, ComputedTensor>>>;

/** How far a value of the model is from that of the original. */
export interface ComputedErrors {
  /**
   * 10 log10(sum of squares / sum of squared differences), in dB; Infinity for equal values, and -Infinity where one of
   * them alone is NaN or infinite.
   */
  readonly sqnr: number;
  /** The largest absolute difference; NaN where one value alone is NaN. */
  readonly maxError: number;
}

/** An output of both models. */
export interface ComparedOutput extends ComputedErrors {
  /** The name of the output. */
  readonly output: string;
}

/** A node that computes with a quantized weight. The errors are those of its first output, with all before it. */
export interface ComparedNode extends ComputedErrors {
  /** The name of the node in the original, or of its output where it has none. */
  readonly node: string;
  /** The operator of the node in the original. */
  readonly operator: string;
  /** The names of its quantized weights. */
  readonly tensors: readonly string[];
  /** The name of the value that it computes. */
  readonly output: string;
}

/** The result of `compareNodes`. */
export interface NodeComparison {
  /** The outputs of the models, in the order of the original. */
  readonly outputs: readonly ComparedOutput[];
  /** The nodes with quantized weights, the lowest SQNR first. */
  readonly nodes: readonly ComparedNode[];
}

/**
 * Runs an .onnx model and its original, and compares their outputs and what every node with quantized weights computes.
 * Both run once, with these values as outputs too. Nodes of subgraphs and functions are left out.
 *
 * @param original the float model.
 * @param model the model that was made of it, with the names that this library or ONNX Runtime's tools give.
 * @param run runs the bytes of a model.
 * @throws {TypeError} for models of other formats.
 * @throws {RangeError} for a model that takes more than 2 GB with the data in files beside it, which `run` gets inside.
 */
export async function compareNodes(original: Model, model: Model, run: RunModel): Promise<NodeComparison> {
  const [before, after] = [activationsOf(original), activationsOf(model)];
  const floats = new Set(model.tensors.map(({ name }) => name));
  const nodes = new Map<string, Pick<ComparedNode, "node" | "operator" | "output"> & { tensors: string[] }>();
  for (const { node, operator, tensor, output } of before.nodes) {
    if (floats.has(tensor) || !after.has(output)) continue;
    const known = nodes.get(output);
    if (known !== undefined) known.tensors.push(tensor);
    else nodes.set(output, { node, operator, output, tensors: [tensor] });
  }
  const names = [...nodes.keys()];
  const expected = await run(await before.withOutputs(names));
  const actual = await run(await after.withOutputs(names));
  for (const each of [original, model]) await each.checkUnchanged?.();
  const errorsOf = (name: string) => errorsBetween(name, expected[name], actual[name]);
  return {
    outputs: compareOutputs(before.outputs, expected, actual),
    nodes: [...nodes.values()].map((node) => ({ ...node, ...errorsOf(node.output) })).sort((a, b) => a.sqnr - b.sqnr),
  };
}

type Computed = Awaited<ReturnType<RunModel>>;

export function compareOutputs(names: readonly string[], expected: Computed, actual: Computed): ComparedOutput[] {
  return names.map((output) => ({ output, ...errorsBetween(output, expected[output], actual[output]) }));
}

export function activationsOf(model: Model): Activations {
  const { activations } = kindOf(model);
  if (activations === undefined) throw new TypeError(`${model.name} is not an .onnx model, which can be run`);
  return activations();
}

function errorsBetween(name: string, a: ComputedTensor | undefined, b: ComputedTensor | undefined): ComputedErrors {
  if (a === undefined || b === undefined) throw new TypeError(`run gave no output "${name}"; it must give all of them`);
  const [expected, actual] = [numbersOf(a), numbersOf(b)];
  if (expected.length !== actual.length) {
    throw new TypeError(`"${name}" has the shape [${a.dims.join(", ")}] and, quantized, [${b.dims.join(", ")}]`);
  }
  let [signal, noise, maxError] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    const [value, other] = [Number(expected[i]), Number(actual[i])];
    signal += value ** 2;
    if (value === other || Object.is(value, other)) continue;
    const difference = Math.abs(value - other);
    noise += difference ** 2;
    maxError = Math.max(maxError, difference);
  }
  if (noise === 0) return { sqnr: Infinity, maxError };
  const ratio = signal / noise;
  return { sqnr: ratio >= 0 ? 10 * Math.log10(ratio) : -Infinity, maxError };
}

function numbersOf({ type, data }: ComputedTensor): ComputedTensor["data"] {
  return type === "float16" && data instanceof Uint16Array ? widenFloat16(data) : data;
}
