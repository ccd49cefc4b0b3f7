import { load } from "channelwise";
import {
  type ByteSink,
  type Decision,
  type DialectName,
  dequantizeModel,
  inspectModel,
  keptFloats,
  type Model,
  type ModelTensor,
  measureModel,
  NonFiniteError,
  type OnnxTarget,
  openModel,
  outputBytes,
  planModel,
  planTensor,
  quantizeModel,
  type RunOptions,
  readFloats,
  type UsingNode,
} from "channelwise/models";
import { product } from "../../matrix.js";
import { blockLayouts } from "../blocks/block-layouts.js";
import type {
  Description,
  Errors,
  Form,
  ModelQuestions,
  Planned,
  Rules,
  Setting,
  ShownBlock,
  ShownMix,
  ShownPlan,
  StoredTensor,
  Target,
  Unmeasurable,
} from "../protocol.js";
import { allBits, onnxTargets, settingKey } from "../settings.js";
import { type GgufTypes, ggufTypesOf } from "./gguf-types.js";
import { ownOf, rulesOf, settingsOf, targetOf } from "./library-rules.js";
import { missingParts } from "./missing-parts.js";
import { mixAt } from "./mix.js";
import { outputName, stemOf } from "./names.js";
import { notFinite } from "./not-finite.js";
import { firstPart } from "./part.js";
import { withWorkers } from "./pool.js";

/** The signal and the progress of a question. */
export type QuestionOptions = Required<RunOptions>;

/** A part of a tensor's weights. */
export interface Weights {
  readonly values: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
  readonly shape: readonly number[];
}

/** A model of any format. */
export interface OpenedModel {
  readonly description: Description;
  plan(rules: Rules): ShownPlan;
  /** The decision for a tensor with a setting. */
  alternative(tensor: number, setting: Setting, form: Form): Planned;
  measure(
    tensor: number,
    setting: Setting,
    form: Form,
    options: Pick<QuestionOptions, "signal">,
  ): Promise<Errors | Unmeasurable>;
  mix(given: ModelQuestions["mix"]["given"]): ShownMix;
  /** Reads at most this many weights: of a larger tensor, as many of its first rows as fit. */
  weights(tensor: number, most: number): Promise<Weights>;
  /** The nodes of an ONNX model that use a tensor; none in other formats. */
  usedBy(tensor: number): readonly UsingNode[];
  /** Writes one file into each sink, in the order of the plan's names. Returns the entry for a config.json. */
  write(
    rules: Rules,
    sinks: readonly ByteSink[],
    options: QuestionOptions,
  ): Promise<{ byteLength: number; config?: string }>;
  /** A block of a tensor that is stored as blocks. */
  block(tensor: string, block: number): Promise<ShownBlock>;
  /** What it can be written as where it can become a GGUF. */
  readonly types: GgufTypes | undefined;
  /** The name of a file of the floats that a quantized model stands for. */
  readonly floatName: string;
  writeFloats(sink: ByteSink, options: QuestionOptions): Promise<void>;
}

/** A dialect that holds every setting. */
const ANY: DialectName = "plain";

/** A tensor up to this size is read once for all its settings. */
const MAX_REMEMBERED_BYTES = 2 ** 26;

/** Opens the files of one model. */
export async function openForPage(files: readonly File[]): Promise<OpenedModel> {
  const model = await openModel(files);
  const { format, name, metadata, opset, unused = [], passedOver = [] } = model;
  const parts = files.filter((file) => !unused.includes(file.name));
  const isOnnx = format === "onnx";
  const { quantized, warnings } = await storedTensors(model);
  if (quantized === undefined && "quantization_config" in metadata)
    throw new Error(`${name} is quantized already; open the float model it was made from.`);
  const gguf = quantized === undefined ? asGguf(model) : undefined;
  const types = gguf && ggufTypesOf(gguf, stemOf(name));
  const remembered = new Remembered();

  const planOf = (rules: Rules) => planModel(model, rulesOf(rules, format));
  const fileNames = ({ target, all }: Rules) => {
    const written = outputName(stemOf(name), target, all.bits);
    return isOnnx && parts.length > 1 ? [written, `${written}.data`] : [written];
  };
  /** Whether the model has no node whose operator the target lacks. */
  const canHave = (target: OnnxTarget) => {
    try {
      planModel(model, { target });
      return true;
    } catch {
      return false;
    }
  };
  const decisionFor = (index: number, setting: Setting, form: Form) =>
    planTensor(model, index, settingsOf(setting, format), targetOf(form));
  const canHold = (index: number, setting: Setting, form: Form) => {
    try {
      return isOnnx || decisionFor(index, setting, form).quantize;
    } catch {
      return false;
    }
  };
  /** The decision for each tensor if it were included. */
  const usual = quantized ? undefined : planModel(model, { ...(isOnnx ? {} : { dialect: ANY }), include: ["*"] });

  return {
    description: {
      format,
      name,
      files: parts.length,
      unused,
      ...(opset !== undefined && { opset }),
      tensors: model.tensors.map((tensor, i) => {
        const { name, dtype, shape, byteLength } = tensor;
        const canQuantize = usual?.decisions[i].quantize === true;
        const channelAxis = usual && canQuantize ? usual.target.channelAxis(tensor) : 0;
        return { name, dtype, shape, byteLength, canQuantize, channelAxis };
      }),
      warnings: [...missingParts(parts.map((file) => file.name)), ...warnings],
      passedOver,
      byteLength: model.byteLength,
      ...(gguf && { hasTypes: true, leftOut: gguf.passedOver ?? [] }),
      ...(quantized && { quantized }),
      targets: isOnnx
        ? onnxTargets.filter(canHave)
        : ["plain", "comfyui", "compressed-tensors", "compressed-tensors-w8a8", "npz"],
    },
    plan(rules) {
      const plan = planOf(rules);
      const names = fileNames(rules);
      return {
        tensors: plan.decisions.map(planned),
        byteLength: outputBytes(plan, names[1]),
        fileNames: names,
        bits: allBits.filter((bits) => plan.target.bits.includes(bits)),
        joined: plan.target.joined?.().lists ?? [],
        warnings: plan.warnings,
        notes: plan.notes,
        keptFloats: keptFloats([plan]),
      };
    },
    alternative(index, setting, form) {
      try {
        return planned(decisionFor(index, setting, form));
      } catch (error) {
        const { byteLength } = model.tensors[index];
        if (error instanceof RangeError) return { quantize: false, reason: error.message, bytesAfter: byteLength };
        throw error;
      }
    },
    async measure(index, setting, form, { signal }) {
      const tensor = await remembered.read(model.tensors[index]);
      const alone: Model = { ...model, tensors: [tensor] };
      const planAlone = (target: Target) =>
        planModel(alone, { ...targetOf({ ...form, target }), tensors: new Map([[0, settingsOf(setting, format)]]) });
      // What the target cannot hold is compared all the same.
      const plan = planAlone(canHold(index, setting, form) ? form.target : ANY);
      const [decision] = plan.decisions;
      if (!decision.quantize) return { reason: decision.reason };
      try {
        const [measured] = await measureModel(await load(), plan, { signal });
        const { mse, maxError, sqnr } = measured as Extract<typeof measured, { quantize: true }>;
        return { mse, maxError, sqnr };
      } catch (error) {
        if (error instanceof NonFiniteError) return { reason: notFinite(error, tensor.shape) };
        throw error;
      }
    },
    mix({ rules, settings, measured, place }) {
      const ways = new Map(settings.map((setting) => [settingKey(setting), settingsOf(setting, format)]));
      return mixAt(model, { rules: { ...targetOf(rules), tensors: ownOf(rules, format) }, ways, measured }, place);
    },
    async weights(index, most) {
      const tensor = model.tensors[index];
      const shape = firstPart(tensor.shape, most);
      return { values: await readFloats(tensor, 0, product(shape)), shape };
    },
    usedBy: (index) => model.tensors[index].usedBy?.() ?? [],
    async write(rules, [sink, dataSink], options) {
      const external = dataSink && { external: { location: fileNames(rules)[1], sink: dataSink } };
      const { byteLength, metadata } = await withWorkers((channelwise) =>
        quantizeModel(channelwise, planOf(rules), sink, { ...options, ...external }),
      );
      const config = metadata.quantization_config;
      return { byteLength, ...(config !== undefined && { config }) };
    },
    types,
    async block(name, place) {
      const { blocks = [] } = await inspectModel(model);
      const tensor = blocks.find((each) => each.name === name);
      if (tensor === undefined) throw new Error(`${name} is not stored as blocks.`);
      const { blockType: type, byteLength } = tensor;
      const count = product(tensor.shape) / blockLayouts[type].length;
      const blockBytes = byteLength / count;
      const block = Math.min(place, count - 1);
      return { type, bytes: await tensor.read(block * blockBytes, blockBytes), block, count };
    },
    floatName: `${stemOf(name)}-float.${isOnnx ? "onnx" : "safetensors"}`,
    async writeFloats(sink, options) {
      await withWorkers((channelwise) => dequantizeModel(channelwise, model, sink, options));
    },
  };
}

/** The model with the tensors of its GGUF: a GGUF itself, or an image model; undefined for others. */
function asGguf(model: Model): Model | undefined {
  if (model.format === "gguf") return model;
  if (model.format !== "safetensors") return undefined;
  try {
    return planModel(model, { type: "F16" }).model;
  } catch {
    return undefined;
  }
}

/** The tensors that are stored as codes, where these are the greater part of a model, and what is odd about them. */
async function storedTensors(
  model: Model,
): Promise<{ quantized: StoredTensor[] | undefined; warnings: readonly string[] }> {
  const { quantized, blocks = [], unreadable, warnings = [] } = await inspectModel(model);
  const stored = [
    ...quantized.map(({ name, shape, scheme, byteLength }) => ({ name, shape, stored: scheme, byteLength })),
    ...blocks.map(({ name, shape, blockType, byteLength }) => ({ name, shape, stored: blockType, byteLength })),
  ];
  const storedBytes = stored.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (2 * storedBytes <= model.byteLength) return { quantized: undefined, warnings: [] };
  const unread = unreadable.map(({ tensor, reason }) => `${tensor} cannot be read: ${reason}`);
  return { quantized: stored, warnings: [...unread, ...warnings] };
}

function planned(decision: Decision): Planned {
  const { bytesAfter } = decision;
  if (!decision.quantize) return { quantize: false, reason: decision.reason, bytesAfter };
  return { quantize: true, ...decision.scheme, notes: decision.notes, bytesAfter };
}

/** The bytes of the tensor that was read last, since all its settings are measured one after the other. */
class Remembered {
  #tensor: ModelTensor | undefined;
  #bytes = new Uint8Array();

  async read(tensor: ModelTensor): Promise<ModelTensor> {
    if (tensor.byteLength > MAX_REMEMBERED_BYTES) return tensor;
    if (this.#tensor !== tensor) {
      this.#bytes = await tensor.read(0, tensor.byteLength);
      this.#tensor = tensor;
    }
    const bytes = this.#bytes;
    return { ...tensor, read: async (offset, length) => bytes.slice(offset, offset + length) };
  }
}
