import { checkBoolean, shown } from "../../core/arguments.js";
import { checkZeroPoints } from "../../core/scheme.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import { dialects } from "../dialects/index.js";
import type { Inspection, ModelKind, Plan, Target } from "../format.js";
import type { TargetOptions } from "../settings.js";
import { activationsOf } from "./activations.js";
import type { OnnxContents } from "./contents.js";
import { named } from "./file/named.js";
import { checkFloat16 } from "./float16/float16.js";
import type { OnnxWay } from "./forms/form.js";
import { notesOf } from "./notes.js";
import { changesUpTo, raising } from "./opset/raise.js";
import { newestOpset } from "./opset/versions.js";
import { floatsOutput, quantizedOutput } from "./output.js";
import type { OnnxTarget } from "./target-name.js";
import { checkConvInteger, checkTarget, checkWeightType, preferenceFor } from "./targets.js";
import { wayOf } from "./way.js";
import { oldestOpset, type Weight } from "./weights.js";

/** How an ONNX model is inspected and stored: by its nodes. */
export function onnxKind(model: OnnxContents): ModelKind {
  return {
    async inspect(): Promise<Inspection> {
      const { quantized, unreadable, weights, kept } = model;
      return { dialect: undefined, quantized, kept: [...weights, ...kept], unreadable };
    },
    target: (_, options) => targetOf(model, options),
    floats(_, inspection, float16) {
      if (float16)
        throw new TypeError("float16 is for files that become .safetensors; leave it out for an .onnx model");
      return floatsOutput(model, inspection);
    },
    opsetChanges: (opset) => changesUpTo(model, opset),
    activations: () => activationsOf(model),
  };
}

function targetOf(model: OnnxContents, options: TargetOptions): Target {
  const { dialect, opset: wanted } = options;
  if (dialect !== undefined) {
    const known = Object.hasOwn(dialects, dialect) ? "is for other files" : "is not known";
    throw new TypeError(`dialect is ${shown(dialect)}, which ${known}: leave it out, and an .onnx model is written`);
  }
  const { quantizedBy } = model;
  if (quantizedBy !== undefined) {
    const reason = `the model is quantized already (${named(quantizedBy)}): give the float model it was made from`;
    model.proto.reader.fail(quantizedBy.message.at, reason);
  }
  const opset = wanted === undefined ? model.opset : raisedOpset(model, wanted, options.float16 ?? false);
  const target = checkTarget(model, options.target);
  const weightType = checkWeightType(target, options.weightType);
  const convInteger = checkConvInteger(target, options.convInteger);
  const runtime = { target, weightType, convInteger, opset };
  const { float16 = false } = options;
  checkBoolean("float16", float16);
  if (float16) checkFloat16(model);
  /** The weight as nodes see it. */
  const asUsed = (tensor: ModelTensor): Weight => ({ ...(tensor as Weight), ...(float16 && { dtype: "float16" }) });
  return {
    dialect: undefined,
    opset,
    bits: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    smallest: 1024,
    // ONNX Runtime multiplies with scales of either sign.
    checkRule: (_, rule, zeroPoints) => checkZeroPoints(zeroPoints ?? false, rule),
    groupsAlong: false,
    channelAxis: ({ axis = 0 }) => axis,
    whyImpossible({ reason }) {
      if (reason !== undefined) return reason;
      if (opset >= oldestOpset) return undefined;
      return `opset ${opset} has no operators to write it with; ${oldestOpset} is the first that has`;
    },
    whyKept: (tensor) =>
      (tensor as Weight).isInput
        ? "also an input of the graph, for which other values can be given; include it to turn it into a constant"
        : undefined,
    ...(float16 && { keptBytes: ({ dtype, byteLength }) => (dtype === "float32" ? byteLength / 2 : byteLength) }),
    wayOf: (tensor, settings) => wayOf(asUsed(tensor), settings, runtime),
    notes: (plan) => notesOf(plan, { model, asUsed, ...runtime }),
    layOut: (plan, location) =>
      quantizedOutput({ model, opset, float16, choices: choicesOf(plan, { target, opset, asUsed }) }, plan, location),
  };
}

interface Choosing {
  readonly target: OnnxTarget;
  readonly opset: number;
  readonly asUsed: (tensor: ModelTensor) => Weight;
}

function choicesOf({ model, decisions }: Plan, { target, opset, asUsed }: Choosing) {
  return decisions.flatMap((decision, place) => {
    if (!decision.quantize) return [];
    const { form } = preferenceFor(target, decision.pattern);
    return [{ ...(decision as OnnxWay), weight: asUsed(model.tensors[place] as ModelTensor), place, form, opset }];
  });
}

function raisedOpset(model: OnnxContents, opset: number, float16: boolean): number {
  if (model.opset > newestOpset) {
    const known = `the model's is ${model.opset}, and changes after opset ${newestOpset} are not known here`;
    throw new RangeError(`opset is ${shown(opset)}; ${known}: leave it out, and it stays ${model.opset}`);
  }
  if (!Number.isInteger(opset) || opset < model.opset || opset > newestOpset) {
    throw new RangeError(
      `opset is ${shown(opset)}; it must be an integer from the model's ${model.opset} to ${newestOpset}`,
    );
  }
  const [first, ...others] = raising(model, opset, float16).refused;
  if (first !== undefined) {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    let highest = opset - 1;
    while (highest > model.opset && raising(model, highest, float16).refused.length > 0) highest--;
    const remedy = highest > model.opset ? `raise it to ${highest}` : "leave opset out";
    throw new RangeError(
      `opset cannot be raised from ${model.opset} to ${opset}: ${first}${more}; ${remedy}, or export the model with opset ${opset}`,
    );
  }
  return opset;
}
