import type { ComparedTensor, Comparison } from "../../models/compare-models.js";
import { type Course, checkRunOptions, type RunOptions, runSteps, type Step } from "../../models/run.js";
import { ErrorSums } from "../../stream/error-sums.js";
import { bytesPerElement } from "../../tensor/dtypes.js";
import type { Tensor } from "./file/proto.js";
import { floatSource, sizeOf, wholeBytes } from "./file/tensors.js";
import type { Scope } from "./file/values.js";
import type { OnnxModel } from "./model.js";
import type { QuantizedWeight, UnreadableWeight } from "./quantized.js";
import { floatTypes } from "./weights.js";

/** A tensor of floats with the model that it is of. */
interface Floats {
  readonly name: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly tensor: Tensor;
  readonly model: OnnxModel;
}

type Other = Floats | QuantizedWeight | UnreadableWeight;

/**
 * Compares a model with its original, every tensor of floats: quantized weights as the weights that they stand for.
 *
 * @param model read with `quantized: true`.
 * @throws {TypeError} where the original is quantized.
 * @throws {FormatError | StoppedError} as `measureOnnx` does.
 */
export async function compareOnnx(
  original: OnnxModel,
  model: OnnxModel,
  options: RunOptions = {},
): Promise<Comparison> {
  checkRunOptions(options);
  if (original.content.refusal !== undefined) {
    throw new TypeError(`${original.name} is quantized; the original comes first`);
  }
  const tensors = byKey(original, floatsOf);
  const others = byKey<Floats | QuantizedWeight>(model, (each, scope) => [
    ...quantizedOf(each, scope),
    ...floatsOf(each, scope),
  ]);
  const unreadable = new Map(model.unreadable.map((each) => [each.name, each]));
  const otherOf = (key: string): Other | undefined => others.get(key) ?? unreadable.get(key);
  const common = [...tensors].filter(([key]) => otherOf(key) !== undefined);
  const steps = common.map(([key, tensor]): Step<ComparedTensor> => {
    const { name, byteLength } = tensor;
    const other = otherOf(key) as Other;
    const run = async (course: Course): Promise<ComparedTensor> => ({
      ...{ tensor: name, bytesBefore: byteLength, bytesAfter: other.byteLength },
      ...(await compare(tensor, other, course)),
    });
    return { tensor: name, byteLength, run };
  });
  return {
    tensors: await runSteps(steps, options),
    missing: [...tensors.keys()].filter((key) => otherOf(key) === undefined),
    added: [...others.keys()].filter((key) => !tensors.has(key)),
  };
}

/** By name, and where subgraphs have one name for several, with a number after it. */
function byKey<T extends { readonly name: string }>(
  model: OnnxModel,
  tensorsOf: (model: OnnxModel, scope: Scope) => T[],
): Map<string, T> {
  const found = new Map<string, T>();
  for (const tensor of model.content.scopes.flatMap((scope) => tensorsOf(model, scope))) {
    let key = tensor.name;
    for (let i = 2; found.has(key); i++) key = `${tensor.name} (${i})`;
    found.set(key, tensor);
  }
  return found;
}

function quantizedOf({ quantized }: OnnxModel, scope: Scope): QuantizedWeight[] {
  return quantized.filter(({ place }) => place.codes.scope === scope);
}

function floatsOf(model: OnnxModel, scope: Scope): Floats[] {
  const taken = new Set(model.quantized.flatMap(({ place: { scales, zeroPoints } }) => [scales, zeroPoints]));
  return [...scope.values.values()].flatMap((value) => {
    const { name, tensor } = value;
    const dtype = tensor && floatTypes[tensor.type];
    if (tensor === undefined || dtype === undefined || taken.has(value)) return [];
    const byteLength = bytesPerElement(dtype) * sizeOf(tensor, model.content.proto.reader);
    return [{ name, shape: tensor.shape, byteLength, tensor, model }];
  });
}

async function compare(floats: Floats, other: Other, course: Course) {
  const differ = (reason: string) => ({ result: "other", reason }) as const;
  if ("reason" in other) return differ(other.reason);
  const [shape, otherShape] = [floats, other].map((each) => `[${each.shape.join(", ")}]`);
  if (shape !== otherShape) return differ(`its shape is ${otherShape}, and the original's ${shape}`);
  if ("tensor" in other && (await haveSameBytes(floats, other, course))) return { result: "same" } as const;
  const [original, values] = [readable(floats), "tensor" in other ? readable(other) : undefined];
  if (original === undefined || ("tensor" in other && values === undefined)) {
    return differ("its bytes differ, and only float32 and float16 are measured");
  }
  const sums = new ErrorSums();
  const stretches = "dequantized" in other ? other.dequantized() : stretchesOf(values as Readable);
  for await (const { start, values } of stretches) {
    course.signal?.throwIfAborted();
    sums.add(original.floats(await original.read(start, values.length)), values);
    course.progress((start + values.length) / original.length);
  }
  return { result: "near", ...sums.figures() } as const;
}

type Readable = ReturnType<typeof floatSource>;

/** The source of a tensor's floats; undefined where its floats are of another type. */
function readable({ tensor, model }: Floats): Readable | undefined {
  const dtype = floatTypes[tensor.type];
  const { proto, files } = model.content;
  const isRead = dtype === "float32" || dtype === "float16";
  return isRead ? floatSource(tensor, proto.reader, files) : undefined;
}

const STRETCH_BYTES = 2 ** 22;

async function* stretchesOf({ length, read, floats }: Readable) {
  const most = STRETCH_BYTES / 4;
  for (let start = 0; start < length; start += most) {
    yield { start, values: floats(await read(start, Math.min(most, length - start))) };
  }
}

async function haveSameBytes(a: Floats, b: Floats, { signal }: Course): Promise<boolean> {
  const [one, other] = [bytesOf(a), bytesOf(b)];
  if (a.tensor.type !== b.tensor.type || one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += STRETCH_BYTES) {
    signal?.throwIfAborted();
    const length = Math.min(STRETCH_BYTES, one.length - at);
    const [some, others] = [
      await one.source.read(one.start + at, length),
      await other.source.read(other.start + at, length),
    ];
    if (!some.every((byte, i) => byte === others[i])) return false;
  }
  return true;
}

/** Where the bytes of a tensor lie; where they are fields of their own, its whole message. */
function bytesOf({ tensor, model }: Floats) {
  const { proto, files } = model.content;
  const { start, end } = tensor.message;
  return wholeBytes(tensor, proto.reader, files) ?? { source: proto.reader.source, start, length: end - start };
}
