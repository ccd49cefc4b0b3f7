import { namedTensors } from "../dialects/kind.js";
import type { Inspection, Model, ModelKind } from "../format.js";
import type { TargetOptions } from "../settings.js";
import type { GgufContents, GgufTensor } from "./parts.js";
import { llamaRules } from "./rules.js";
import { joinedOutput, splitOutputs } from "./split.js";
import { type GgufInput, ggufTarget } from "./target.js";
import { blockTensors, elementTensors, isDecoded } from "./tensors.js";

/** How models of a GGUF are inspected and stored: as GGUFs of other types, or in the dialects of all named tensors. */
export function ggufKind(contents: GgufContents): ModelKind {
  const ofBlocks = contents.tensors.filter(({ type }) => type.dtype === undefined);
  return {
    writesGguf: true,
    ggufFiles: {
      split: (maxBytes) => splitOutputs(contents, maxBytes),
      joined: () => joinedOutput(contents),
    },
    inspect: async (): Promise<Inspection> => ({
      dialect: undefined,
      quantized: [],
      blocks: blockTensors(contents),
      kept: elementTensors(contents),
      unreadable: ofBlocks.filter(({ type }) => !isDecoded(type.name)).map(unreadable),
    }),
    target(model, options) {
      refuseQuantized(contents.name, ofBlocks, options);
      if (options.type === undefined) return namedTensors.target(model, options);
      return ggufTarget(inputOf(contents), llamaRules, { ...options, type: options.type });
    },
    asFloats: (model) => asFloats(model, contents),
    floats: (model, inspection) => floatsOutput(model, inspection, ofBlocks),
  };
}

function unreadable({ name, byteLength, type }: GgufTensor) {
  return { tensor: name, byteLength, reason: `blocks of ${type.name} are not read` };
}

function refuseQuantized(file: string, ofBlocks: readonly GgufTensor[], { type, requantize }: TargetOptions): void {
  const [first] = ofBlocks;
  if (first === undefined || (requantize && type !== undefined)) return;
  const remedy = "give the float model it was made from, or set requantize, which adds to the errors";
  throw new TypeError(`${file} is quantized already (tensor ${first.name} is ${first.type.name}): ${remedy}`);
}

function inputOf({ keys, alignment, tensors }: GgufContents): GgufInput {
  const inputs = tensors.map(({ name, type, shape, byteLength, data }) => {
    return { name, type, shape, data: { byteLength, read: data.read } };
  });
  return { keys, alignment, tensors: inputs };
}

/** A .safetensors file in which decoded weights replace blocks. */
function floatsOutput(model: Model, inspection: Inspection, ofBlocks: readonly GgufTensor[]) {
  const unread = ofBlocks.find(({ type }) => !isDecoded(type.name));
  if (unread !== undefined) {
    const remedy = "llama-quantize --allow-requantize writes it as F16";
    throw new TypeError(`tensor ${unread.name} is of ${unread.type.name} blocks, which are not read: ${remedy}`);
  }
  const { tensors } = model.kind?.asFloats?.(model) ?? model;
  return namedTensors.floats(model, { ...inspection, blocks: [], kept: tensors });
}

/** The model with decoded weights in place of blocks. */
function asFloats(model: Model, contents: GgufContents): Model {
  const decoded = new Map(blockTensors(contents).map(({ name, floats }) => [name, floats]));
  const elements = new Map(elementTensors(contents).map((tensor) => [tensor.name, tensor]));
  const tensors = contents.tensors.flatMap(({ name }) => decoded.get(name) ?? elements.get(name) ?? []);
  return { ...model, tensors };
}
