import type { Engine } from "../../core/memory/buffers.js";
import type { Granularity } from "../../core/types.js";
import type { ByteSink, FilePlace } from "../../io/bytes.js";
import { integers } from "../../storage/integers.js";
import { codeWriter } from "../../storage/storage.js";
import { words, wordsPacking, zeroPointWords } from "../../storage/words.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import { bytesIn, scaleBytes } from "../../tensor/stored-scales.js";
import type { ModelTensor, TensorInfo } from "../../tensor/tensor.js";
import type { Decision, QuantizeDecision } from "../decision.js";
import type { Plan } from "../format.js";
import { npzWriter } from "../npz/npz.js";
import type { CodeSink, Output, OutputStep } from "../output.js";
import { safetensorsWriter } from "../safetensors/safetensors.js";
import type { TensorWriter } from "../tensor-writer.js";
import { CONFIG } from "./compressed-tensors.js";
import { type Dialect, type StoredTensor, withScaleShape } from "./dialect.js";
import { type DialectName, dialectNamed } from "./index.js";

/** A tensor of the output and its index. Its content is "copy" where that of the input is kept. */
interface OutputTensor extends Omit<StoredTensor, "content"> {
  readonly index: number;
  readonly content: StoredTensor["content"] | "copy";
}

/** A tensor of the model, and the tensors that replace it in the output. */
interface Conversion {
  readonly tensor: ModelTensor;
  readonly decision: Decision;
  readonly outputs: readonly OutputTensor[];
}

/** What replaces the tensors of decisions, which are laid out again and again where one mix of them is sought. */
const storedBy = new WeakMap<QuantizeDecision, readonly StoredTensor[]>();

function storedOf(tensor: ModelTensor, decision: QuantizeDecision, dialect: Dialect): readonly StoredTensor[] {
  const stored = storedBy.get(decision) ?? dialect.stored(withScaleShape(tensor, decision.scheme, decision.rotation));
  storedBy.set(decision, stored);
  return stored;
}

/**
 * Lays out a file in a dialect.
 *
 * @throws {RangeError} where two tensors would have one name, and where a model whose metadata describe a quantization
 * would be quantized further.
 */
export function layOut({ model, decisions }: Plan, name: DialectName): Output {
  const dialect = dialectNamed(name);
  const tensors: TensorInfo[] = [];
  const takenBy = new Map<string, string>();
  const conversions = model.tensors.map((tensor, i): Conversion => {
    const decision = decisions[i];
    const stored = decision.quantize
      ? storedOf(tensor, decision, dialect)
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

  const quantized = conversions.flatMap(({ tensor, decision }) =>
    decision.quantize ? [withScaleShape(tensor, decision.scheme)] : [],
  );
  if (quantized.length > 0 && CONFIG in model.metadata) {
    throw new RangeError(
      `${model.name} is quantized already (${CONFIG} in its metadata): give the float model it was made from`,
    );
  }
  const kept = conversions.filter(({ decision }) => !decision.quantize).map(({ tensor }) => tensor);
  // If every tensor is kept, so is the metadata's description of how they are quantized.
  const own = CONFIG in model.metadata ? {} : dialect.metadata?.(quantized, kept);
  const metadata = { ...model.metadata, ...own };
  const writerFor = (sink: ByteSink) =>
    name === "npz" ? npzWriter(sink, tensors) : safetensorsWriter(sink, tensors, metadata);
  return {
    byteLength: writerFor(nowhere).byteLength,
    metadata,
    work(sink) {
      const writer = writerFor(sink);
      return {
        begin: writer.begin,
        steps: conversions.map((conversion, place) => stepOf(conversion, place, writer)),
        end: writer.end,
      };
    },
  };
}

function infoOf({ name, dtype, shape, byteLength }: TensorInfo): TensorInfo {
  return { name, dtype, shape, byteLength };
}

const nowhere: ByteSink = { write: async () => {}, close: async () => {}, abort: async () => {} };

function stepOf({ tensor, decision, outputs }: Conversion, place: number, writer: TensorWriter): OutputStep {
  const step = { tensor: tensor.name, byteLength: tensor.byteLength };
  if (!decision.quantize) {
    return { ...step, copy: tensor, write: (offset, bytes) => writer.write(outputs[0].index, offset, bytes) };
  }
  const codes = outputs.find(({ content }) => content === "codes") as OutputTensor;
  const lend = writer.lender && fillsWords(codes, tensor.shape, decision) ? writer.lender(codes.index) : undefined;
  const packing = codes.packed && wordsPacking(codes.packed);
  return {
    ...step,
    quantize: place,
    results: (engine) => codeSink(engine, outputs, tensor, writer),
    lendCodes: lend && ((work) => lend((file: FilePlace) => work({ ...file, packing }))),
  };
}

/** Whether each batch of packed codes fills whole words, which is so if rows and groups do. */
function fillsWords({ packed }: OutputTensor, shape: readonly number[], { scheme }: QuantizeDecision): boolean {
  if (packed === undefined) return true;
  const perWord = 32 / packed;
  const { granularity }: { granularity: Granularity } = scheme;
  const group = typeof granularity === "object" ? granularity.group : perWord;
  return shape[1] % perWord === 0 && group % perWord === 0;
}

/** Writes codes and scales as they are made. */
function codeSink(
  engine: Engine,
  outputs: readonly OutputTensor[],
  { shape }: TensorInfo,
  writer: TensorWriter,
): CodeSink {
  const codes = outputs.find(({ content }) => content === "codes") as OutputTensor;
  const scales = outputs.find(({ content }) => content === "scales") as OutputTensor;
  const zeros = outputs.find(({ content }) => content === "zeroPoints");
  const { index, packed, dtype } = codes;
  /** Zero points in words are held until all are there. */
  const held = new Int8Array(zeros && packed ? elementsOf(scales.shape) : 0);
  const storage = packed ? words(packed, shape[1]) : integers(dtype === "int16" ? 16 : 8);
  return {
    async begin(isRotated = false) {
      for (const { content, index, unrotated } of outputs) {
        if (content instanceof Uint8Array) await writer.write(index, 0, isRotated ? content : (unrotated ?? content));
      }
    },
    quantized: codeWriter(engine, storage, (place, bytes) => writer.write(index, place, bytes)),
    scales: (start, values) =>
      writer.write(scales.index, start * bytesPerElement(scales.dtype), scaleBytes(values, scales.dtype)),
    async zeroPoints(start, values) {
      if (packed) held.set(values, start);
      else if (zeros) await writer.write(zeros.index, start * bytesPerElement(zeros.dtype), bytesIn(values));
    },
    async finish() {
      if (!zeros || !packed) return;
      await writer.write(zeros.index, 0, bytesIn(zeroPointWords(held, scales.shape[1], packed)));
    },
  };
}
