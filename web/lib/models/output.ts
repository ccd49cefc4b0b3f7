import { shown } from "../core/arguments.js";
import { npzWriter } from "../formats/npz/npz.js";
import { CONFIG } from "../formats/safetensors/dialects/compressed-tensors.js";
import type { StoredTensor } from "../formats/safetensors/dialects/dialect.js";
import type { ByteSink } from "../io/bytes.js";
import { isFloatDtype } from "../tensor/dtypes.js";
import type { Model, ModelTensor, TensorInfo } from "../tensor/model.js";
import { type Choice, checkDialectBits, type Decision, dialectNamed, withScaleShape } from "./choose.js";
import { safetensorsWriter, type TensorWriter } from "./tensor-writer.js";

/** A tensor of the output and its place among all of them. Its content is "copy" where the input's is kept. */
export interface OutputTensor extends Omit<StoredTensor, "content"> {
  readonly index: number;
  readonly content: StoredTensor["content"] | "copy";
}

/** A tensor of the model, and what stands for it in the output. */
export interface Conversion {
  readonly tensor: ModelTensor;
  readonly decision: Decision;
  readonly outputs: readonly OutputTensor[];
}

/** The output of a choice, before anything is written: names, types, shapes, and so every length. */
export interface Output {
  readonly conversions: readonly Conversion[];
  readonly tensors: readonly TensorInfo[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * @throws {TypeError | RangeError} for a choice that is not of this model, that the dialect cannot hold, or that gives two
 * tensors one name, and where more is to be quantized of a model whose metadata says how it is quantized.
 */
export function planOutput(model: Model, choice: Choice): Output {
  const dialect = dialectNamed(choice.dialect);
  const { decisions } = choice;
  if (!Array.isArray(decisions)) throw new TypeError(`choice.decisions must be an array, not ${shown(decisions)}`);
  if (decisions.length !== model.tensors.length) {
    throw new RangeError(`choice has ${decisions.length} decisions, and the model ${model.tensors.length} tensors`);
  }
  const tensors: TensorInfo[] = [];
  const takenBy = new Map<string, string>();
  const conversions = model.tensors.map((tensor, i): Conversion => {
    const decision: Decision = decisions[i];
    const stored = decision.quantize
      ? checkedStored(tensor, decision)
      : [{ ...infoOf(tensor), content: "copy" as const }];
    const outputs = stored.map((each) => {
      const other = takenBy.get(each.name);
      if (other !== undefined) {
        throw new RangeError(`tensors ${other} and ${tensor.name} both give ${each.name}; keep one of them as it is`);
      }
      takenBy.set(each.name, tensor.name);
      return { ...each, index: tensors.push(each) - 1 };
    });
    return { tensor, decision, outputs };
  });

  function checkedStored(tensor: ModelTensor, decision: Decision & { quantize: true }): StoredTensor[] {
    const { name, dtype } = tensor;
    if (decision.tensor !== name)
      throw new RangeError(`choice has tensor ${decision.tensor} where the model has ${name}`);
    const refusal = isFloatDtype(dtype) ? dialect.refusal(tensor, decision) : `${dtype}; only floats are quantized`;
    if (refusal) throw new RangeError(`tensor ${name} cannot be quantized: ${refusal}`);
    checkDialectBits(`tensor ${name}: bits`, decision.bits, choice.dialect);
    return dialect.stored(withScaleShape(tensor, decision));
  }

  const quantized = conversions.flatMap(({ tensor, decision }) =>
    decision.quantize ? [withScaleShape(tensor, decision)] : [],
  );
  if (quantized.length > 0 && CONFIG in model.metadata) {
    throw new RangeError(
      `${model.name} is quantized already (${CONFIG} in its metadata): give the float model it was made from`,
    );
  }
  const kept = conversions.filter(({ decision }) => !decision.quantize).map(({ tensor }) => tensor);
  // Where all is kept, what is said of how it is quantized is too.
  const own = CONFIG in model.metadata ? {} : dialect.metadata?.(quantized, kept);
  return { conversions, tensors, metadata: { ...model.metadata, ...own } };
}

function infoOf({ name, dtype, shape, byteLength }: TensorInfo): TensorInfo {
  return { name, dtype, shape, byteLength };
}

/** Lays the file out; nothing is written yet. */
export function writerFor(sink: ByteSink, choice: Choice, { tensors, metadata }: Output): TensorWriter {
  return choice.dialect === "npz" ? npzWriter(sink, tensors) : safetensorsWriter(sink, tensors, metadata);
}

/** Bytes of the file that `quantizeModel` writes for a choice: known before anything is read. */
export function outputBytes(model: Model, choice: Choice): number {
  return writerFor(nowhere, choice, planOutput(model, choice)).byteLength;
}

/** Bytes that stand for each tensor of the model in that file, with scales and all. */
export function tensorBytes(model: Model, choice: Choice): number[] {
  return planOutput(model, choice).conversions.map(({ outputs }) =>
    outputs.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
}

const nowhere: ByteSink = { write: async () => {}, close: async () => {}, abort: async () => {} };
