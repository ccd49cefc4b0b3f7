import { inHalves } from "../../tensor/halves.js";
import { namedTensors } from "../dialects/kind.js";
import type { Inspection, Model, ModelKind } from "../format.js";
import type { ImageArchitecture } from "../image-models/architecture.js";
import { imageRules } from "../image-models/gguf-rules.js";
import { architectureNames, architectureOf, imageModelIn } from "../image-models/image-model.js";
import { noiseInGguf } from "../image-models/noise.js";
import type { TargetOptions } from "../settings.js";
import { textOf } from "./keys.js";
import type { GgufContents, GgufTensor } from "./parts.js";
import { llamaRules, type TensorRules } from "./rules.js";
import { joinedOutput, splitOutputs } from "./split.js";
import { type GgufInput, ggufTarget } from "./target.js";
import { blockTensors, elementTensors, isDecoded } from "./tensors.js";

/** How models of a GGUF are inspected and stored: as GGUFs of other types, or in the dialects of all named tensors. */
export function ggufKind(contents: GgufContents): ModelKind {
  const ofBlocks = contents.tensors.filter(({ type }) => type.dtype === undefined);
  return {
    writesGguf: true,
    convertsFloats: true,
    ggufFiles: {
      split: (maxBytes) => splitOutputs(contents, maxBytes),
      joined: () => joinedOutput(contents),
    },
    async inspect(): Promise<Inspection> {
      const architecture = imageArchitectureOf(contents, undefined);
      const warnings = architecture ? noiseInGguf(architecture, contents.tensors, ofBlocks) : [];
      return {
        dialect: undefined,
        quantized: [],
        blocks: blockTensors(contents),
        kept: elementTensors(contents),
        unreadable: ofBlocks.filter(({ type }) => !isDecoded(type.name)).map(unreadable),
        ...(warnings.length > 0 && { warnings }),
      };
    },
    target(model, options) {
      refuseQuantized(contents.name, ofBlocks, options);
      if (options.type === undefined) return namedTensors.target(model, options);
      return ggufTarget(inputOf(contents), rulesOf(contents, options), { ...options, type: options.type });
    },
    asFloats: (model) => asFloats(model, contents),
    floats: (model, inspection, float16) => floatsOutput(model, inspection, { ofBlocks, float16 }),
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

/** The rules of the program that makes GGUFs of such models. */
function rulesOf(contents: GgufContents, { architecture: given }: TargetOptions): TensorRules {
  const architecture = imageArchitectureOf(contents, given);
  return architecture === undefined ? llamaRules : imageRules(architecture);
}

/** The architecture of an image model, which the keys or the tensors tell; undefined for other models. */
function imageArchitectureOf(
  { keys, tensors }: GgufContents,
  given: TargetOptions["architecture"],
): ImageArchitecture | undefined {
  const named = textOf(keys, "general.architecture");
  const known = given ?? architectureNames.find((each) => each === named);
  if (known !== undefined) return architectureOf(known);
  // Programs other than ComfyUI-GGUF write image models without this key, or with a name of their own.
  const isUnknown = named === undefined || named === "pig";
  return isUnknown ? imageModelIn(tensors)?.architecture : undefined;
}

function inputOf({ keys, alignment, tensors }: GgufContents): GgufInput {
  const inputs = tensors.map(({ name, type, shape, byteLength, data }) => {
    return { name, type, shape, data: { byteLength, read: data.read } };
  });
  return { keys, alignment, tensors: inputs };
}

/** A .safetensors file in which decoded weights replace blocks. */
function floatsOutput(
  model: Model,
  inspection: Inspection,
  { ofBlocks, float16 }: { readonly ofBlocks: readonly GgufTensor[]; readonly float16: boolean },
) {
  const unread = ofBlocks.find(({ type }) => !isDecoded(type.name));
  if (unread !== undefined) {
    const remedy = "llama-quantize --allow-requantize writes it as F16";
    throw new TypeError(`tensor ${unread.name} is of ${unread.type.name} blocks, which are not read: ${remedy}`);
  }
  const { tensors } = model.kind?.asFloats?.(model) ?? model;
  const decoded = new Set(ofBlocks.map(({ name }) => name));
  const kept = tensors.map((tensor) => (float16 && decoded.has(tensor.name) ? inHalves(tensor) : tensor));
  return namedTensors.floats(model, { ...inspection, blocks: [], kept }, float16);
}

/** The model with decoded weights in place of blocks. */
function asFloats(model: Model, contents: GgufContents): Model {
  const decoded = new Map(blockTensors(contents).map(({ name, floats }) => [name, floats]));
  const elements = new Map(elementTensors(contents).map((tensor) => [tensor.name, tensor]));
  const tensors = contents.tensors.flatMap(({ name }) => decoded.get(name) ?? elements.get(name) ?? []);
  return { ...model, tensors };
}
