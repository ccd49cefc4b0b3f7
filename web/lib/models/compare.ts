import { type Extents, extentsOf } from "../core/memory/extents.js";
import type { TotalErrors } from "../core/types.js";
import type { Model, UnreadableTensor } from "../formats/format.js";
import { arranged } from "../io/arranged.js";
import { lenderOf, lentOrNot } from "../io/lent-files.js";
import { haveSameBytes } from "../io/same-bytes.js";
import { SpareMemory } from "../io/spare-memory.js";
import { measureStream, type ValueSource } from "../stream/measure-stream.js";
import type { Runner } from "../stream/runner.js";
import type { BlockTensor } from "../tensor/block-tensor.js";
import type { TensorCourse } from "../tensor/course.js";
import { isFloatDtype } from "../tensor/dtypes.js";
import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { ModelTensor } from "../tensor/tensor.js";
import { type AnyChannelwise, runnerOf } from "../workers/runner-of.js";
import { copyBytes } from "./copy-bytes.js";
import { inspectModel } from "./inspect.js";
import { checkRunOptions, type RunOptions, runSteps, type Step } from "./run.js";
import { withValues } from "./values.js";
import { weightsOf } from "./weights.js";

/**
 * The comparison of a tensor that both models have: "same" for the same bytes, "near" for floats, with their errors
 * against the original's, and "other" with the reason for a tensor that cannot be compared.
 */
export type ComparedTensor = {
  /** The name of the tensor. */
  readonly tensor: string;
  /** The size of the original in bytes. */
  readonly bytesBefore: number;
  /** The size of its replacement in bytes, with scales and the like. */
  readonly bytesAfter: number;
} & (
  | {
      /** The mark of a tensor with the same bytes. */
      readonly result: "same";
    }
  | ({
      /** The mark of a tensor of other floats, with their errors. */
      readonly result: "near";
    } & Readonly<TotalErrors>)
  | {
      /** The mark of a tensor that cannot be compared. */
      readonly result: "other";
      /** The reason why it cannot be compared. */
      readonly reason: string;
    }
);

/** The result of `compareModels`. */
export interface Comparison {
  /** The tensors of both models, in the order of the original. */
  readonly tensors: readonly ComparedTensor[];
  /** The names of tensors that only the original has. */
  readonly missing: readonly string[];
  /** The names of tensors that only the other model has. */
  readonly added: readonly string[];
}

/**
 * Compares a model with its original, tensor by tensor. Quantized tensors are compared as the weights that they stand
 * for. Of .onnx models, the float tensors are compared.
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
    throw new TypeError(`${original.name} is quantized; give the original first`);
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
    const run = async (course: TensorCourse): Promise<ComparedTensor> => ({
      ...{ tensor: tensor.name, bytesBefore: byteLength, bytesAfter: other.byteLength },
      ...(await arranged(tensor, course, (inOrder, rest) =>
        arranged(other, rest, (others, last) => compare(runner, inOrder, others, last)),
      )),
    });
    return [{ tensor: tensor.name, byteLength, run }];
  });
  const compared = await runSteps(steps, options);
  for (const each of [original, model]) await each.checkUnchanged?.();
  return {
    tensors: compared,
    missing: [...tensors.keys()].filter((key) => !others.has(key)),
    added: [...others.keys()].filter((key) => !tensors.has(key)),
  };
}

/** Tensors by name. Where nested graphs use a name several times, a number is added. */
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

async function compare(runner: Runner, tensor: ModelTensor, other: Other, course: TensorCourse) {
  if (!("shape" in other)) {
    return { result: "other", reason: `it is quantized, but cannot be read: ${other.reason}` } as const;
  }
  const differ = (what: string, a: string, b: string) =>
    ({ result: "other", reason: `its ${what} is ${b}, and the original's ${a}` }) as const;
  const shapeOf = ({ shape }: { shape: readonly number[] }) => `[${shape.join(", ")}]`;
  if (shapeOf(tensor) !== shapeOf(other)) return differ("shape", shapeOf(tensor), shapeOf(other));
  if ("readCodes" in other) {
    if (!isFloatDtype(tensor.dtype)) return differ("type", tensor.dtype, "quantized");
    const { quantizedShape, scheme } = other;
    const { same: _, ...errors } = await withValues(runner.engine, other, (values) =>
      "products" in values
        ? measure(runner, tensor, values.products, extentsOf(tensor.shape, undefined, "tensor"), course)
        : measure(runner, tensor, values, extentsOf(quantizedShape, scheme.axis, scheme.granularity), course),
    );
    return { result: "near", ...errors } as const;
  }
  if ("blockType" in other) {
    if (!isFloatDtype(tensor.dtype)) return differ("type", tensor.dtype, other.blockType);
    const { same: _, ...errors } = await measureFloats(runner, tensor, other.floats, course);
    return { result: "near", ...errors } as const;
  }
  if (isFloatDtype(tensor.dtype) && isFloatDtype(other.dtype)) {
    const { same, ...errors } = await measureFloats(runner, tensor, other, course);
    return same ? ({ result: "same" } as const) : ({ result: "near", ...errors } as const);
  }
  if (tensor.dtype !== other.dtype) return differ("type", tensor.dtype, other.dtype);
  if (await haveSameData(tensor, other, course)) return { result: "same" } as const;
  return { result: "other", reason: "its bytes differ" } as const;
}

function measureFloats(runner: Runner, tensor: ModelTensor, other: ModelTensor, course: TensorCourse) {
  const values = weightsOf(other, other.shape, new SpareMemory());
  return lentOrNot(lenderOf(other), (file) =>
    measure(runner, tensor, { ...values, file }, extentsOf(tensor.shape, undefined, "tensor"), course),
  );
}

/** The error figures of values that stand for the weights of a tensor. */
function measure(runner: Runner, tensor: ModelTensor, values: ValueSource, extents: Extents, course: TensorCourse) {
  const weights = weightsOf(tensor, tensor.shape, new SpareMemory());
  const { signal, progress } = course;
  const onProgress = (done: number, all: number) => progress(done / all);
  return lentOrNot(lenderOf(tensor), (file) =>
    measureStream(runner, { ...weights, file }, values, extents, { signal, onProgress }),
  );
}

async function haveSameData(tensor: ModelTensor, other: ModelTensor, course: TensorCourse): Promise<boolean> {
  let same = true;
  const both = {
    byteLength: tensor.byteLength,
    read: async (offset: number, length: number) => {
      const [bytes, others] = await Promise.all([tensor.read(offset, length), other.read(offset, length)]);
      same &&= haveSameBytes(bytes, others);
      return bytes;
    },
  };
  await copyBytes(both, async () => {}, course);
  return same;
}
