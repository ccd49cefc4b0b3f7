import type { TotalErrors } from "../core/types.js";
import type { Model, UnreadableTensor } from "../formats/format.js";
import { ErrorSums } from "../stream/error-sums.js";
import { type AnyChannelwise, type Runner, runnerOf } from "../stream/runner.js";
import type { BlockTensor } from "../tensor/block-tensor.js";
import { bytesPerElement, elementsOf, type FloatDtype, isFloatDtype } from "../tensor/dtypes.js";
import { floatsOf } from "../tensor/floats.js";
import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { ModelTensor } from "../tensor/tensor.js";
import { copyBytes } from "./copy-bytes.js";
import { dequantized } from "./dequantized.js";
import { inspectModel } from "./inspect.js";
import { type Course, checkRunOptions, type RunOptions, runSteps, type Step } from "./run.js";

/**
 * A tensor that both models have: "same" where its bytes are; "near" with the errors of floats against the original's;
 * "other" where it cannot be compared, and why.
 */
export type ComparedTensor = {
  /** Name of the tensor. */
  readonly tensor: string;
  /** Bytes of the original. */
  readonly bytesBefore: number;
  /** Bytes of what stands for it, with scales and all else. */
  readonly bytesAfter: number;
} & (
  | {
      /** Its bytes are the same. */
      readonly result: "same";
    }
  | ({
      /** It stands for other floats, with these errors. */
      readonly result: "near";
    } & Readonly<TotalErrors>)
  | {
      /** It cannot be compared. */
      readonly result: "other";
      /** Why it cannot be compared. */
      readonly reason: string;
    }
);

/** What `compareModels` finds. */
export interface Comparison {
  /** In the order of the original. */
  readonly tensors: readonly ComparedTensor[];
  /** Tensors that only the original has. */
  readonly missing: readonly string[];
  /** Tensors that only the other model has. */
  readonly added: readonly string[];
}

/**
 * Compares a model with its original, tensor by tensor: quantized tensors as the weights that they stand for. Of .onnx models
 * the tensors of floats are compared.
 *
 * @throws {TypeError} where the original is quantized.
 * @throws {FormatError | StoppedError} as `quantizeModel` does.
 */
export async function compareModels(
  channelwise: AnyChannelwise,
  original: Model,
  model: Model,
  options: RunOptions = {},
): Promise<Comparison> {
  checkRunOptions(options);
  const runner = runnerOf(channelwise);
  const before = await inspectModel(original);
  if (before.quantized.length + (before.blocks?.length ?? 0) > 0)
    throw new TypeError(`${original.name} is quantized; the original comes first`);
  const { quantized, blocks = [], kept, unreadable } = await inspectModel(model);
  const unread = unreadable.map((each) => ({ ...each, name: each.tensor }));
  const unreadNames = new Set(unread.map(({ name }) => name));
  const others = byKey<Other>([
    ...unread,
    ...quantized,
    ...blocks,
    ...kept.filter(({ name }) => !unreadNames.has(name)),
  ]);
  const tensors = byKey(original.tensors);
  const steps = [...tensors].flatMap(([key, tensor]): Step<ComparedTensor>[] => {
    const other = others.get(key);
    if (other === undefined) return [];
    const { byteLength } = tensor;
    const run = async (course: Course): Promise<ComparedTensor> => ({
      ...{ tensor: tensor.name, bytesBefore: byteLength, bytesAfter: other.byteLength },
      ...(await compare(runner, tensor, other, course)),
    });
    return [{ tensor: tensor.name, byteLength, run }];
  });
  return {
    tensors: await runSteps(steps, options),
    missing: [...tensors.keys()].filter((key) => !others.has(key)),
    added: [...others.keys()].filter((key) => !tensors.has(key)),
  };
}

/** By name, and where graphs within a graph have one name for several, with a number after it. */
function byKey<T extends { readonly name: string }>(tensors: readonly T[]): Map<string, T> {
  const found = new Map<string, T>();
  for (const tensor of tensors) {
    let key = tensor.name;
    for (let i = 2; found.has(key); i++) key = `${tensor.name} (${i})`;
    found.set(key, tensor);
  }
  return found;
}

type Other = ModelTensor | QuantizedTensor | BlockTensor | (UnreadableTensor & { readonly name: string });

async function compare(runner: Runner, tensor: ModelTensor, other: Other, course: Course) {
  if (!("shape" in other)) {
    return { result: "other", reason: `it is quantized, but not read: ${other.reason}` } as const;
  }
  const differ = (what: string, a: string, b: string) =>
    ({ result: "other", reason: `its ${what} is ${b}, and the original's ${a}` }) as const;
  const shapeOf = ({ shape }: { shape: readonly number[] }) => `[${shape.join(", ")}]`;
  if (shapeOf(tensor) !== shapeOf(other)) return differ("shape", shapeOf(tensor), shapeOf(other));
  if ("readCodes" in other) {
    if (!isFloatDtype(tensor.dtype)) return differ("type", tensor.dtype, "quantized");
    const sums = new ErrorSums();
    const use = async (start: number, values: Parameters<typeof sums.add>[1]) =>
      sums.add(await floatsIn(tensor, start, values.length), values);
    await dequantized(runner, other, use, course);
    return { result: "near", ...sums.figures() } as const;
  }
  if ("blockType" in other) {
    if (!isFloatDtype(tensor.dtype)) return differ("type", tensor.dtype, other.blockType);
    return { result: "near", ...(await errorsOfFloats(tensor, other.floats, course)) } as const;
  }
  if (tensor.dtype === other.dtype && (await haveSameBytes(tensor, other, course))) return { result: "same" } as const;
  if (!isFloatDtype(tensor.dtype) || !isFloatDtype(other.dtype)) {
    if (tensor.dtype !== other.dtype) return differ("type", tensor.dtype, other.dtype);
    return { result: "other", reason: "its bytes differ" } as const;
  }
  return { result: "near", ...(await errorsOfFloats(tensor, other, course)) } as const;
}

async function haveSameBytes(tensor: ModelTensor, other: ModelTensor, course: Course): Promise<boolean> {
  let same = true;
  const use = async (offset: number, bytes: Uint8Array<ArrayBuffer>) => {
    if (!same) return;
    const others = await other.read(offset, bytes.length);
    same = bytes.every((byte, i) => byte === others[i]);
  };
  await copyBytes(tensor, use, course);
  return same;
}

/** Weights that are read at a time. */
const STRETCH_ELEMENTS = 2 ** 20;

async function errorsOfFloats(
  tensor: ModelTensor,
  other: ModelTensor,
  { signal, progress }: Course,
): Promise<TotalErrors> {
  const sums = new ErrorSums();
  const elements = elementsOf(tensor.shape);
  for (let start = 0; start < elements; start += STRETCH_ELEMENTS) {
    signal?.throwIfAborted();
    const count = Math.min(STRETCH_ELEMENTS, elements - start);
    sums.add(await floatsIn(tensor, start, count), await floatsIn(other, start, count));
    progress((start + count) / elements);
  }
  return sums.figures();
}

async function floatsIn(tensor: ModelTensor, start: number, count: number) {
  const size = bytesPerElement(tensor.dtype);
  return floatsOf(await tensor.read(start * size, count * size), tensor.dtype as FloatDtype);
}
