import { shown } from "../../core/arguments.js";
import { shownName } from "../../core/printable.js";
import { schemeOf } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import { elementsOf, isFloatDtype } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { Way } from "../decision.js";
import type { Plan, Target } from "../format.js";
import type { CopySource, Output, OutputStep } from "../output.js";
import type { Settings, TargetOptions } from "../settings.js";
import { encodeTensor } from "./encode.js";
import { type BlockTypeName, blockTypes, type FileTypeName, fileTypes } from "./file-types.js";
import { type GgufKey, integerKey } from "./keys.js";
import { layOut, writeFrame } from "./layout.js";
import type { TensorRules } from "./rules.js";
import { bytesOfType, type GgufType, typeNamed } from "./types.js";

/** The input of a GGUF to be written: named tensors of any kind, and the keys of the model. */
export interface GgufInput {
  readonly keys: readonly GgufKey[];
  readonly alignment: number;
  /** All tensors; those that are kept are copied in their types. */
  readonly tensors: readonly InputTensor[];
}

export interface InputTensor {
  readonly name: string;
  readonly type: GgufType;
  readonly shape: readonly number[];
  /** The bytes as they are. */
  readonly data: CopySource;
}

/** The version of the layouts of blocks, which readers check. */
const QUANTIZATION_VERSION = 2;
const QUANTIZATION_KEY = "general.quantization_version";
const FILE_TYPE_KEY = "general.file_type";

/** The bits of a code and the number of weights that share a scale, for each type that is written. */
const codesOf: Readonly<Record<BlockTypeName, readonly [Bits, number]>> = {
  ...{ Q4_0: [4, 32], Q4_1: [4, 32], Q5_0: [5, 32], Q5_1: [5, 32], Q8_0: [8, 32] },
  ...{ Q2_K: [2, 16], Q3_K: [3, 16], Q4_K: [4, 32], Q5_K: [5, 32], Q6_K: [6, 16] },
};

/** All bits pass here: with a type, any that a person sets are refused below, with a reason. */
const anyBits = Array.from({ length: 15 }, (_, i) => i + 2);

/**
 * How tensors are stored in a GGUF.
 *
 * @throws {TypeError | RangeError} for a type that is not written, and for tensors that the program of the rules does
 * not take.
 */
export function ggufTarget(
  input: GgufInput,
  rules: TensorRules,
  { type, encoder = "ggml" }: Pick<TargetOptions, "encoder"> & { type: FileTypeName },
): Target {
  checkType(type);
  for (const tensor of input.tensors) checkTensor(tensor, rules);
  const types = rules.typesOf(input.tensors, input.keys, type);
  const stored = new Map(input.tensors.map((tensor) => [tensor.name, tensor.type]));
  const typeOf = ({ name }: { readonly name: string }) => typeNamed(types.get(name) ?? fileTypes[type].tensors);
  return {
    ...{ dialect: undefined, opset: undefined, bits: anyBits, smallest: 0, groupsAlong: true, grows: true },
    blockTypes,
    checkRule() {}, // refuseSettings refuses every rule
    channelAxis: () => 0,
    whyImpossible: ({ dtype, shape }) => {
      if (!isFloatDtype(dtype)) return `it is ${dtype}`;
      return shape.length === 0 || elementsOf(shape) === 0 ? "it has no rows" : undefined;
    },
    whyKept: (tensor) => rules.whyKept(tensor),
    wayOf(tensor, { blockType, ...settings }) {
      refuseSettings(settings, type);
      const to = blockType === undefined ? typeOf(tensor) : typeNamed(blockType);
      if (stored.get(tensor.name) === to) return `it is ${to.name} already`;
      const columns = tensor.shape[tensor.shape.length - 1];
      return columns % to.blockLength === 0
        ? wayTo(tensor, to, blockType ?? fileTypes[type].tensors)
        : misfit(columns, to);
    },
    encode: (runner, tensor, { blockType }, write, course) =>
      encodeTensor(runner, tensor, typeNamed(blockType as string), encoder, write, course),
    layOut: (plan) => outputOf(plan, input, rules, type),
  };
}

function checkType(type: FileTypeName): void {
  if (typeof type === "string" && Object.hasOwn(fileTypes, type)) return;
  const known = Object.keys(fileTypes).join(", ");
  const isOfMatrix = typeof type === "string" && /^(IQ[123]|Q2_K_S)/i.test(type);
  const why = isOfMatrix ? "; types that need an importance matrix are not written: use llama-quantize" : "";
  throw new TypeError(`type is ${shown(type)}; it must be one of ${known}${why}`);
}

function checkTensor({ name, shape }: InputTensor, { program, mostNameBytes, mostDimensions }: TensorRules): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > mostNameBytes) {
    throw new RangeError(
      `type: tensor ${shownName(name)} has a name of ${bytes} bytes; ${program} takes ${mostNameBytes}: rename it`,
    );
  }
  if (shape.length > mostDimensions) {
    throw new RangeError(
      `type: tensor ${shownName(name)} has ${shape.length} dimensions; ${program} takes ${mostDimensions}: join some`,
    );
  }
}

function refuseSettings(settings: Settings, type: string): void {
  for (const [name, value] of Object.entries(settings)) {
    if (name !== "keep" && value !== undefined)
      throw new TypeError(`${name} cannot be given with type ${type}, which decides it: leave it out`);
  }
}

function misfit(columns: number, { name, blockLength }: GgufType): string {
  return `its rows have ${columns} weights, and blocks of ${name} ${blockLength}`;
}

function wayTo({ shape }: ModelTensor, { name, ...type }: GgufType, asked: string): Way {
  const [bits, group] = codesOf[name as BlockTypeName] ?? [];
  const granularity = group === undefined ? "tensor" : { group, along: -1 };
  const bytesAfter = bytesOfType({ name, ...type }, elementsOf(shape));
  const columns = shape[shape.length - 1];
  const isFallback = columns % typeNamed(asked).blockLength !== 0;
  return {
    scheme: { ...schemeOf({ bits: bits ?? 16, granularity }, shape), rule: undefined },
    quantizedShape: shape,
    storedBits: (8 * type.blockBytes) / type.blockLength,
    blockType: name,
    bytesAfter,
    notes: isFallback ? [`${name}, since ${misfit(columns, typeNamed(asked))}`] : [],
  };
}

function outputOf({ model, decisions }: Plan, input: GgufInput, rules: TensorRules, type: FileTypeName): Output {
  const places = new Map(model.tensors.map(({ name }, place) => [name, place]));
  const tensors = rules.inOrder(input.tensors).map((tensor) => {
    const place = places.get(tensor.name);
    const decision = place === undefined ? undefined : decisions[place];
    const to = decision?.quantize ? typeNamed(decision.blockType as string) : undefined;
    return { ...tensor, shape: rules.shapeOf(tensor.shape), place, to };
  });
  const keys = [
    ...input.keys.filter(({ name }) => name !== QUANTIZATION_KEY && name !== FILE_TYPE_KEY),
    integerKey(QUANTIZATION_KEY, "uint32", QUANTIZATION_VERSION),
    integerKey(FILE_TYPE_KEY, "uint32", fileTypes[type].number),
  ];
  const written = tensors.map(({ name, shape, to, type }) => ({ name, shape, type: to ?? type }));
  const layout = layOut(keys, written, input.alignment);
  return {
    byteLength: layout.byteLength,
    metadata: { [FILE_TYPE_KEY]: `${fileTypes[type].number} (${type})`, program: rules.program },
    work: (sink) => ({
      begin: () => writeFrame(sink, layout),
      steps: tensors.map(({ name, data, to, place }, i): OutputStep => {
        const write = (offset: number, bytes: Uint8Array<ArrayBuffer>) => sink.write(layout.offsets[i] + offset, bytes);
        if (to === undefined) return { tensor: name, byteLength: data.byteLength, copy: data, write };
        return { tensor: name, byteLength: data.byteLength, encode: place as number, write };
      }),
      end: async () => {},
    }),
  };
}
