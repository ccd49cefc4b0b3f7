import { load } from "channelwise";
import {
  type ByteSink,
  type Choice,
  type ChooseSettings,
  chooseTensors,
  type Decision,
  type DialectName,
  type Model,
  type ModelTensor,
  NonFiniteError,
  openModel,
  outputBytes,
  quantizeModel,
  readFloats,
  tensorBytes,
} from "channelwise/files";
import { product } from "../../matrix.js";
import type { Planned, Rules, Setting } from "../protocol.js";
import { allBits, groupAxis } from "../settings.js";
import { outputName, stemOf } from "./names.js";
import { notFinite } from "./not-finite.js";
import type { OpenedModel } from "./opened-model.js";
import { firstPart } from "./part.js";
import { withWorkers } from "./pool.js";

/** A dialect that holds every setting: what one costs in errors is the same in all dialects. */
const ANY = "plain";

/** A tensor up to this size is read once for all its settings. */
const MAX_REMEMBERED_BYTES = 2 ** 26;

const nowhere: ByteSink = { write: async () => {}, close: async () => {}, abort: async () => {} };

/** Opens the files of one model, of any format that `channelwise/files` reads. */
export async function openFileModel(files: readonly File[]): Promise<OpenedModel> {
  const model = await openModel(files);
  const { format, name, metadata, unused = [] } = model;
  const parts = files.filter((file) => !unused.includes(file.name));
  if ("quantization_config" in metadata)
    throw new Error(`${name} is quantized already; open the float model it was made from.`);
  const remembered = new Remembered();

  const settingsOf = ({ bits, granularity, axis }: Setting): ChooseSettings =>
    typeof granularity === "number"
      ? { bits, granularity: { group: granularity, along: axis ?? groupAxis(format) } }
      : { bits, granularity, ...(axis !== undefined && { axis }) };
  /** What a tensor becomes that is wanted whatever the policy says. */
  const decide = (tensor: ModelTensor, setting: Setting, dialect: DialectName): Decision => {
    const rules = { dialect, include: ["*"], ...settingsOf(setting) };
    return chooseTensors({ format, tensors: [tensor] }, rules).decisions[0];
  };
  const choose = ({ target, all, own }: Rules): Choice => {
    const dialect = target as DialectName;
    const { decisions } = chooseTensors(model, { dialect, ...settingsOf(all) });
    return {
      dialect,
      decisions: decisions.map((decision, i): Decision => {
        const setting = own.get(i);
        if (setting === undefined) return decision;
        if (setting === "keep") return { tensor: decision.tensor, quantize: false, reason: "chosen" };
        return decide(model.tensors[i], setting, dialect);
      }),
    };
  };
  const alone = (tensor: ModelTensor): Model => ({ ...model, tensors: [tensor] });
  /** What each tensor would become if it were wanted: of the whole model, since what belongs to codes is told by these. */
  const usual = chooseTensors(model, { dialect: ANY, include: ["*"] }).decisions;

  return {
    description: {
      format,
      name,
      files: parts.length,
      unused,
      tensors: model.tensors.map(({ name, dtype, shape, byteLength }, i) => {
        const decision = usual[i];
        const channelAxis = decision.quantize ? (decision.axis ?? 0) : 0;
        return { name, dtype, shape, byteLength, canQuantize: decision.quantize, channelAxis };
      }),
      byteLength: parts.reduce((sum, { size }) => sum + size, 0),
      targets: ["plain", "comfyui", "compressed-tensors", "compressed-tensors-w8a8", "npz"],
    },
    plan(rules) {
      const choice = choose(rules);
      const sizes = tensorBytes(model, choice);
      return {
        tensors: choice.decisions.map((decision, i) => planned(decision, sizes[i])),
        byteLength: outputBytes(model, choice),
        fileNames: [outputName(stemOf(name), rules.target, rules.all.bits)],
        bits: heldBits(rules.target as DialectName),
      };
    },
    alternative(index, setting, { target }) {
      const tensor = model.tensors[index];
      try {
        const choice = { dialect: target as DialectName, decisions: [decide(tensor, setting, target as DialectName)] };
        return planned(choice.decisions[0], tensorBytes(alone(tensor), choice)[0]);
      } catch (error) {
        if (error instanceof RangeError)
          return { quantize: false, reason: error.message, bytesAfter: tensor.byteLength };
        throw error;
      }
    },
    async measure(index, setting, _, { signal }) {
      const tensor = await remembered.read(model.tensors[index]);
      const decision = decide(tensor, setting, ANY);
      if (!decision.quantize) return { reason: decision.reason };
      const choice: Choice = { dialect: ANY, decisions: [decision] };
      try {
        const { tensors } = await quantizeModel(await load(), alone(tensor), choice, nowhere, { signal });
        const { mse, maxError, sqnr } = tensors[0] as Extract<(typeof tensors)[0], { quantize: true }>;
        return { mse, maxError, sqnr };
      } catch (error) {
        if (error instanceof NonFiniteError) return { reason: notFinite(error, tensor.shape) };
        throw error;
      }
    },
    async weights(index, most) {
      const tensor = model.tensors[index];
      const shape = firstPart(tensor.shape, most);
      return { values: await readFloats(tensor, 0, product(shape)), shape };
    },
    async write(rules, [sink], course) {
      const { byteLength, metadata } = await withWorkers((channelwise) =>
        quantizeModel(channelwise, model, choose(rules), sink, course),
      );
      const config = metadata.quantization_config;
      return { byteLength, ...(config !== undefined && { config }) };
    },
  };
}

function planned(decision: Decision, bytesAfter: number): Planned {
  if (!decision.quantize) return { quantize: false, reason: decision.reason, bytesAfter };
  const { bits, axis, granularity } = decision;
  return { quantize: true, bits, axis, granularity, notes: [], bytesAfter };
}

/** The numbers of bits that a dialect takes. */
function heldBits(dialect: DialectName): number[] {
  return allBits.filter((bits) => {
    try {
      chooseTensors({ format: "safetensors", tensors: [] }, { dialect, bits });
      return true;
    } catch {
      return false;
    }
  });
}

/** The bytes of the tensor that was wanted last, since all its settings are measured one after the other. */
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
