import { shown } from "../../core/arguments.js";
import { shownName } from "../../core/printable.js";
import { isFloatDtype } from "../../tensor/dtypes.js";
import { isFloat8 } from "../../tensor/float8.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import { namedTensors } from "../dialects/kind.js";
import type { Model, ModelKind, PassedOver } from "../format.js";
import { integersKey, textKey } from "../gguf/keys.js";
import { type GgufInput, ggufTarget } from "../gguf/target.js";
import { typeOfDtype } from "../gguf/types.js";
import type { TargetOptions } from "../settings.js";
import type { ImageArchitecture } from "./architecture.js";
import { imageRules } from "./gguf-rules.js";
import { ggufTensor, type NamedTensor, reshaped } from "./gguf-tensors.js";
import { architectureNames, architectureOf, type ImageModel, imageModelIn, matchesAny } from "./image-model.js";

/** The models of .safetensors files, of which those of images can become a GGUF. */
export const safetensorsKind: ModelKind = {
  ...namedTensors,
  writesGguf: true,
  asGguf,
  target(model, options) {
    if (options.type === undefined) return namedTensors.target(model, options);
    const asked = asGguf(model as Model, options);
    return (asked.kind as ModelKind).target(asked, options);
  },
};

/** The model with the tensors of its GGUF: as ComfyUI-GGUF names and converts them, and without those that it omits. */
function asGguf(model: Model, { type, architecture: given }: TargetOptions): Model {
  const found = imageModelIn(model.tensors, given === undefined ? undefined : architectureOf(given));
  if (found === undefined) {
    throw new TypeError(
      `type is ${shown(type)}, and ${model.name} has not the tensors of an image model (${architectureNames.join(", ")}): give the architecture of one; convert a language model with convert_hf_to_gguf.py of llama.cpp first`,
    );
  }
  const { architecture, isOfDiffusers } = found;
  if (isOfDiffusers) {
    const remedy = "load it in ComfyUI and save it with ModelSave";
    throw new TypeError(
      `type is ${shown(type)}, and the tensors of ${model.name} are named as in diffusers, which ComfyUI-GGUF does not load for ${architecture.name}: ${remedy}`,
    );
  }
  const { taken, passedOver } = partsOf(model, found);
  const tensors = taken.map((each) => ggufTensor(each, architecture));
  const input = inputOf(tensors, taken, architecture);
  const kind: ModelKind = {
    ...namedTensors,
    writesGguf: true,
    target: (_, options) => ggufTarget(input, imageRules(architecture), { ...options, type: options.type ?? "F16" }),
  };
  return { ...model, tensors, passedOver: [...(model.passedOver ?? []), ...passedOver], kind };
}

function inputOf(
  tensors: readonly ModelTensor[],
  taken: readonly NamedTensor[],
  architecture: ImageArchitecture,
): GgufInput {
  const shapeKeys = taken.flatMap(({ name, tensor: { shape } }) =>
    reshaped(shape, architecture) ? [integersKey(`comfy.gguf.orig_shape.${name}`, shape)] : [],
  );
  return {
    keys: [textKey("general.architecture", architecture.name), ...shapeKeys],
    alignment: 32,
    tensors: tensors.map(({ name, dtype, shape, byteLength, read }) => {
      return { name, type: typeOfDtype(dtype), shape, data: { byteLength, read } };
    }),
  };
}

/** The parameters beside a weight of floats of 8 bits in ComfyUI's files, which are used or no longer needed. */
const BESIDE_FLOAT8 = /(^|\.)(scale_weight|weight_scale|scale_input|input_scale|comfy_quant|scaled_fp8)$/;

/** The tensors that a GGUF has, and those that it has not. */
function partsOf({ name: file, tensors }: Model, { architecture, prefix }: ImageModel) {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const hasFloat8 = tensors.some(({ dtype }) => isFloat8(dtype));
  const taken: NamedTensor[] = [];
  const passedOver: PassedOver[] = [];
  const outside = new Map<string, number>();
  for (const tensor of tensors) {
    if (!tensor.name.startsWith(prefix)) {
      const [module] = tensor.name.split(".");
      outside.set(module, (outside.get(module) ?? 0) + 1);
      continue;
    }
    const name = tensor.name.slice(prefix.length);
    if (hasFloat8 && BESIDE_FLOAT8.test(name)) continue;
    if (matchesAny(name, architecture.leaveOut)) {
      passedOver.push({ name: tensor.name, reason: `a GGUF of ${architecture.name} does not have it` });
    } else if (isFloatDtype(tensor.dtype) || isFloat8(tensor.dtype)) {
      taken.push({ name, tensor, scale: scaleOf(tensor, byName, file) });
    } else if (isCodes(tensor)) {
      throw new TypeError(
        `${file} is quantized already (tensor ${shownName(tensor.name)} is ${tensor.dtype}): give the float model it was made from`,
      );
    } else {
      passedOver.push({ name: tensor.name, reason: `it is ${tensor.dtype}; ComfyUI-GGUF loads floats` });
    }
  }
  for (const [module, count] of outside) {
    const reason = `${count} ${count === 1 ? "tensor" : "tensors"} outside of ${prefix.slice(0, -1)}, the model of images`;
    passedOver.push({ name: `${module}.*`, reason });
  }
  return { taken, passedOver };
}

/** Codes are matrices, or have a name that says so. */
function isCodes({ name, dtype, shape }: ModelTensor): boolean {
  return /^(u?int8|float[468]_.*)$/.test(dtype) && (shape.length > 1 || name.endsWith(".comfy_quant"));
}

/** The scale of a weight of floats of 8 bits, which ComfyUI's scaled files have. */
function scaleOf(
  { name, dtype }: ModelTensor,
  byName: ReadonlyMap<string, ModelTensor>,
  file: string,
): ModelTensor | undefined {
  if (!isFloat8(dtype)) return undefined;
  const scale = byName.get(name.replace(/weight$/, "scale_weight")) ?? byName.get(`${name}_scale`);
  if (scale === undefined || scale.name === name) return undefined;
  const isOne = isFloatDtype(scale.dtype) && scale.shape.every((dimension) => dimension === 1);
  if (isOne) return scale;
  throw new TypeError(
    `${file}: tensor ${shownName(scale.name)} is ${scale.dtype} [${scale.shape.join(", ")}]; one float for the whole of ${shownName(name)} is read: give the float model`,
  );
}
