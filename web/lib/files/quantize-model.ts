import { type CodeArray, checkNames, type FloatArray } from "../arguments.js";
import { FormatError, NonFiniteError } from "../errors.js";
import { type Runner, runnerOf } from "../runner.js";
import { quantizeStream, type WeightSource } from "../stream.js";
import type { Channelwise, TotalErrors } from "../types.js";
import type { ByteSink } from "./bytes.js";
import type { Choice, Decision } from "./choose.js";
import { bytesPerElement, type Dtype, elementsOf, type FloatDtype } from "./dtypes.js";
import { floatsOf, narrowToBfloat16, narrowToFloat16 } from "./floats.js";
import type { Model, ModelTensor } from "./model.js";
import { type Conversion, type OutputTensor, planOutput, writerFor } from "./output.js";
import { CodePacker } from "./packing.js";
import { StoppedError } from "./stopped-error.js";
import type { TensorWriter } from "./tensor-writer.js";

export interface RunOptions {
  /** Ends the run, which then leaves no file. */
  readonly signal?: AbortSignal;
  /** Told how far the run is, several times a second on large models. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  /** The tensor that is being worked on. */
  readonly tensor: string;
  /** Bytes of the model that are done. */
  readonly done: number;
  /** Bytes of the model. */
  readonly total: number;
}

/** What became of a tensor: of one that was quantized, with its error figures. */
export type TensorSummary = {
  readonly bytesBefore: number;
  /** With scales and all else that stands for it. */
  readonly bytesAfter: number;
} & ((Extract<Decision, { quantize: true }> & TotalErrors) | Extract<Decision, { quantize: false }>);

export interface ModelSummary {
  /** In the order of the model. */
  readonly tensors: readonly TensorSummary[];
  /** Of the file written. */
  readonly byteLength: number;
  /** What was written into the header besides the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes that are copied at a time. */
const COPY_BYTES = 2 ** 22;

/**
 * Quantizes a model into a file: every tensor as `choice` says, those that are kept byte for byte. The file is complete
 * and closed when the promise resolves; otherwise the sink is aborted. Memory does not grow with the model.
 *
 * @param channelwise what a `load` gave: with that of "channelwise/parallel" all its workers take part.
 * @param choice what `chooseTensors` gave for this model.
 * @throws {TypeError | RangeError} for wrong arguments, before anything is written.
 * @throws {NonFiniteError | FormatError} for weights that are not finite, and files that turn out to be damaged.
 * @throws {StoppedError} where reading or writing fails, or the signal ends the run; its `cause` says why.
 */
export async function quantizeModel(
  channelwise: Channelwise,
  model: Model,
  choice: Choice,
  sink: ByteSink,
  options: RunOptions = {},
): Promise<ModelSummary> {
  let current = "";
  try {
    checkNames("options", options, ["signal", "onProgress"] satisfies (keyof RunOptions)[]);
    const { signal, onProgress } = options;
    const runner = runnerOf(channelwise);
    const output = planOutput(model, choice);
    const writer = writerFor(sink, choice, output);

    const total = model.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    let before = 0;
    const tensors: TensorSummary[] = [];
    await writer.begin();
    for (const conversion of output.conversions) {
      const { name, byteLength } = conversion.tensor;
      current = name;
      signal?.throwIfAborted();
      const course: Course = {
        signal,
        progress: (share) => onProgress?.({ tensor: name, done: before + share * byteLength, total }),
      };
      tensors.push(await convert(runner, conversion, writer, course));
      before += byteLength;
    }
    current = "";
    await writer.end();
    await sink.close();
    return { tensors, byteLength: writer.byteLength, metadata: output.metadata };
  } catch (error) {
    await sink.abort(error).catch(() => undefined); // the first error is the one to tell
    throw current === "" ? error : atTensor(error, current);
  }
}

function atTensor(error: unknown, tensor: string): unknown {
  if (error instanceof NonFiniteError) return new NonFiniteError(error.index, error.channel, error.value, tensor);
  return error instanceof FormatError ? error : new StoppedError(tensor, error);
}

interface Course {
  readonly signal: AbortSignal | undefined;
  /** Told which share of the tensor is done. */
  readonly progress: (share: number) => void;
}

async function convert(
  runner: Runner,
  conversion: Conversion,
  writer: TensorWriter,
  course: Course,
): Promise<TensorSummary> {
  const { tensor, decision, outputs } = conversion;
  const sizes = {
    bytesBefore: tensor.byteLength,
    bytesAfter: outputs.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
  if (!decision.quantize) {
    await copyTensor(tensor, (offset, bytes) => writer.write(outputs[0].index, offset, bytes), course);
    return { ...decision, ...sizes };
  }
  for (const { content, index } of outputs) {
    if (content instanceof Uint8Array) await writer.write(index, 0, content);
  }
  const codes = outputs.find(({ content }) => content === "codes") as OutputTensor;
  const scales = outputs.find(({ content }) => content === "scales") as OutputTensor;
  const { axis, bits, granularity } = decision;
  const { mse, maxError, sqnr } = (await quantizeStream(
    runner,
    weightsOf(tensor),
    {
      quantized: codesSink(codes, tensor.shape, writer),
      scales: (start, values) =>
        writer.write(scales.index, start * bytesPerElement(scales.dtype), scaleBytes(values, scales.dtype)),
    },
    {
      shape: tensor.shape,
      axis,
      bits,
      granularity,
      signal: course.signal,
      onProgress: (done, all) => course.progress(done / all),
    },
  )) as TotalErrors;
  return { ...decision, ...sizes, mse, maxError, sqnr };
}

/** Copies a tensor, reading the next stretch while one is written. */
async function copyTensor(
  { byteLength, read }: ModelTensor,
  write: (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  { signal, progress }: Course,
): Promise<void> {
  const stretch = (offset: number) => read(offset, Math.min(COPY_BYTES, byteLength - offset));
  let next = stretch(0);
  for (let offset = 0; offset < byteLength; offset += COPY_BYTES) {
    signal?.throwIfAborted();
    const bytes = await next;
    if (offset + COPY_BYTES < byteLength) next = stretch(offset + COPY_BYTES);
    next.catch(() => undefined); // it is awaited above, if writing does not fail before
    await write(offset, bytes);
    progress((offset + bytes.length) / byteLength);
  }
}

function weightsOf(tensor: ModelTensor): WeightSource {
  const dtype = tensor.dtype as FloatDtype;
  const size = bytesPerElement(dtype);
  return {
    dtype: dtype === "float64" ? "float64" : "float32",
    length: elementsOf(tensor.shape),
    read: async (start, count) => floatsOf(await tensor.read(start * size, count * size), dtype),
  };
}

/** Writes codes as they are made; packed ones come in order, since their channels are rows. */
function codesSink({ index, packed, dtype }: OutputTensor, shape: readonly number[], writer: TensorWriter) {
  if (packed === undefined) {
    return (start: number, codes: CodeArray) => writer.write(index, start * bytesPerElement(dtype), bytesIn(codes));
  }
  const packer = new CodePacker(shape[1], packed);
  let position = 0;
  return async (_start: number, codes: CodeArray) => {
    const bytes = bytesIn(packer.pack(codes as Int8Array));
    await writer.write(index, position, bytes);
    position += bytes.length;
  };
}

function scaleBytes(scales: FloatArray, dtype: Dtype): Uint8Array<ArrayBuffer> {
  const values = dtype === "float64" ? scales : Float32Array.from(scales);
  if (dtype === "float16") return bytesIn(narrowToFloat16(values as Float32Array));
  return bytesIn(dtype === "bfloat16" ? narrowToBfloat16(values as Float32Array) : values);
}

function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
