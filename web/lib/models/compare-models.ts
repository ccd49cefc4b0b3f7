import type { TotalErrors } from "../core/types.js";
import { ErrorSums } from "../stream/error-sums.js";
import type { AnyChannelwise } from "../stream/runner.js";
import { bytesPerElement, elementsOf, type FloatDtype, isFloatDtype } from "../tensor/dtypes.js";
import { floatsOf } from "../tensor/floats.js";
import type { Model, ModelTensor } from "../tensor/model.js";
import { copyTensor } from "./copy-tensor.js";
import { whyNothing } from "./dequantize-model.js";
import { dequantized } from "./dequantized.js";
import { inspectModel, type QuantizedTensor } from "./inspect-model.js";
import { type Course, checkRunOptions, type RunOptions, runSteps, type Step } from "./run.js";

/**
 * A tensor that both models have: "same" where its bytes are; "near" with the errors of floats against the original's;
 * "other" where it cannot be compared, and why.
 */
export type ComparedTensor = {
  readonly tensor: string;
  /** Bytes of the original. */
  readonly bytesBefore: number;
  /** Bytes of what stands for it, with scales and all else. */
  readonly bytesAfter: number;
} & (
  | { readonly result: "same" }
  | ({ readonly result: "near" } & Readonly<TotalErrors>)
  | { readonly result: "other"; readonly reason: string }
);

export interface Comparison {
  /** In the order of the original. */
  readonly tensors: readonly ComparedTensor[];
  /** Tensors that only the original has. */
  readonly missing: readonly string[];
  /** Tensors that only the other model has. */
  readonly added: readonly string[];
}

/**
 * Compares a model with its original, tensor by tensor: quantized tensors as the weights that they stand for.
 *
 * @throws {TypeError} where the original is quantized, or all that is quantized of the model cannot be read.
 * @throws {FormatError | StoppedError} as `quantizeModel` does.
 */
export async function compareModels(
  channelwise: AnyChannelwise,
  original: Model,
  model: Model,
  options: RunOptions = {},
): Promise<Comparison> {
  checkRunOptions(options);
  if ((await inspectModel(original)).quantized.length > 0) {
    throw new TypeError(`${original.name} is quantized; the original comes first`);
  }
  const { quantized, kept, unreadable } = await inspectModel(model);
  if (unreadable.length > 0 && quantized.length === 0) throw new TypeError(whyNothing(model, unreadable));
  const reasons = new Map(unreadable.map(({ tensor, reason }) => [tensor, reason]));
  const others = new Map<string, Other>([...kept, ...quantized].map((tensor) => [tensor.name, tensor]));

  const common = original.tensors.filter(({ name }) => others.has(name));
  const steps = common.map((tensor): Step<ComparedTensor> => {
    const { name, byteLength } = tensor;
    const other = others.get(name) as Other;
    const reason = reasons.get(name);
    const run = async (course: Course): Promise<ComparedTensor> => ({
      tensor: name,
      bytesBefore: byteLength,
      bytesAfter: other.byteLength,
      ...(reason === undefined
        ? await compare(channelwise, tensor, other, course)
        : { result: "other", reason: `it is quantized, but not read: ${reason}` }),
    });
    return { tensor: name, byteLength, run };
  });
  const names = new Set(original.tensors.map(({ name }) => name));
  return {
    tensors: await runSteps(steps, options),
    missing: [...names].filter((name) => !others.has(name)),
    added: [...others.keys()].filter((name) => !names.has(name)),
  };
}

type Other = ModelTensor | QuantizedTensor;

async function compare(channelwise: AnyChannelwise, tensor: ModelTensor, other: Other, course: Course) {
  const differ = (what: string, a: string, b: string) =>
    ({ result: "other", reason: `its ${what} is ${b}, and the original's ${a}` }) as const;
  const shapeOf = ({ shape }: { shape: readonly number[] }) => `[${shape.join(", ")}]`;
  if (shapeOf(tensor) !== shapeOf(other)) return differ("shape", shapeOf(tensor), shapeOf(other));
  if ("codes" in other) {
    if (!isFloatDtype(tensor.dtype)) return differ("type", tensor.dtype, "quantized");
    return { result: "near", ...(await errorsOf(tensor, dequantized(channelwise, other), course)) } as const;
  }
  if (tensor.dtype === other.dtype && (await haveSameBytes(tensor, other, course))) return { result: "same" } as const;
  if (!isFloatDtype(tensor.dtype) || !isFloatDtype(other.dtype)) {
    if (tensor.dtype !== other.dtype) return differ("type", tensor.dtype, other.dtype);
    return { result: "other", reason: "its bytes differ" } as const;
  }
  return { result: "near", ...(await errorsOf(tensor, stretches(other), course)) } as const;
}

async function haveSameBytes(tensor: ModelTensor, other: ModelTensor, course: Course): Promise<boolean> {
  let same = true;
  const use = async (offset: number, bytes: Uint8Array<ArrayBuffer>) => {
    if (!same) return;
    const others = await other.read(offset, bytes.length);
    same = bytes.every((byte, i) => byte === others[i]);
  };
  await copyTensor(tensor, use, course);
  return same;
}

async function errorsOf(
  tensor: ModelTensor,
  others: AsyncIterable<{ start: number; values: Float32Array | Float64Array }>,
  { signal, progress }: Course,
): Promise<TotalErrors> {
  const sums = new ErrorSums();
  const elements = elementsOf(tensor.shape);
  for await (const { start, values } of others) {
    signal?.throwIfAborted();
    sums.add(await floatsIn(tensor, start, values.length), values);
    progress((start + values.length) / elements);
  }
  return sums.figures();
}

const STRETCH_ELEMENTS = 2 ** 20;

async function* stretches(tensor: ModelTensor) {
  const elements = elementsOf(tensor.shape);
  for (let start = 0; start < elements; start += STRETCH_ELEMENTS) {
    yield { start, values: await floatsIn(tensor, start, Math.min(STRETCH_ELEMENTS, elements - start)) };
  }
}

async function floatsIn(tensor: ModelTensor, start: number, count: number) {
  const size = bytesPerElement(tensor.dtype);
  return floatsOf(await tensor.read(start * size, count * size), tensor.dtype as FloatDtype);
}
