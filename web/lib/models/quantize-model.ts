import type { CodeArray } from "../core/arguments.js";
import type { Granularity, TotalErrors } from "../core/types.js";
import type { ByteSink } from "../io/bytes.js";
import { lenderOf, lentOrNot } from "../io/lent-files.js";
import { SpareMemory } from "../io/spare-memory.js";
import { CodePacker } from "../storage/words.js";
import type { FilePlace } from "../stream/file-rows.js";
import { quantizeStream, type WeightSource } from "../stream/quantize-stream.js";
import { type AnyChannelwise, type Runner, runnerOf } from "../stream/runner.js";
import { bytesPerElement, elementsOf, type FloatDtype } from "../tensor/dtypes.js";
import type { Model, ModelTensor } from "../tensor/model.js";
import { bytesIn, rounderTo, scaleBytes } from "../tensor/stored-scales.js";
import type { Choice, Decision } from "./choose.js";
import { copyTensor } from "./copy-tensor.js";
import { type KeptFloats, keptFloats } from "./kept-floats.js";
import { type Conversion, type OutputTensor, planOutput, writerFor } from "./output.js";
import { type Course, checkRunOptions, type RunOptions, runSteps, writing } from "./run.js";
import type { TensorWriter } from "./tensor-writer.js";
import { warningsOf } from "./warnings.js";

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
  /** Which share of the model's bytes stayed floats, and why. */
  readonly keptFloats: KeptFloats;
  /** What the reader of the dialect will refuse, as `warningsOf` says. */
  readonly warnings: readonly string[];
}

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
  channelwise: AnyChannelwise,
  model: Model,
  choice: Choice,
  sink: ByteSink,
  options: RunOptions = {},
): Promise<ModelSummary> {
  return writing(sink, async () => {
    checkRunOptions(options);
    const runner = runnerOf(channelwise);
    const output = planOutput(model, choice);
    const writer = writerFor(sink, choice, output);
    await writer.begin();
    const spares = new SpareMemory();
    const steps = output.conversions.map((conversion) => ({
      tensor: conversion.tensor.name,
      byteLength: conversion.tensor.byteLength,
      run: (course: Course) => convert(runner, conversion, writer, spares, course),
    }));
    const tensors = await runSteps(steps, options);
    await writer.end();
    return {
      tensors,
      byteLength: writer.byteLength,
      metadata: output.metadata,
      keptFloats: keptFloats(model.tensors, choice.decisions),
      warnings: warningsOf(model, choice),
    };
  });
}

async function convert(
  runner: Runner,
  conversion: Conversion,
  writer: TensorWriter,
  spares: SpareMemory,
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
  const quantize = (weightsPlace?: FilePlace, codesPlace?: FilePlace) =>
    quantizeStream(
      runner,
      { ...weightsOf(tensor, spares), file: weightsPlace },
      {
        quantized: codesSink(codes, tensor.shape, writer),
        file: codesPlace && { ...codesPlace, packed: codes.packed },
        scales: (start, values) =>
          writer.write(scales.index, start * bytesPerElement(scales.dtype), scaleBytes(values, scales.dtype)),
      },
      {
        shape: tensor.shape,
        axis,
        bits,
        granularity,
        signal: course.signal,
        roundScales: rounderTo(scales.dtype),
        onProgress: (done, all) => course.progress(done / all),
      },
    );
  const workersWrite = writer.lender && fillsWords(codes, tensor.shape, granularity);
  const { mse, maxError, sqnr } = (await lentOrNot(lenderOf(tensor), (weightsPlace) =>
    lentOrNot(workersWrite ? writer.lender?.(codes.index) : undefined, (codesPlace) =>
      quantize(weightsPlace, codesPlace),
    ),
  )) as TotalErrors;
  return { ...decision, ...sizes, mse, maxError, sqnr };
}

function weightsOf(tensor: ModelTensor, spares: SpareMemory): WeightSource {
  const dtype = tensor.dtype as FloatDtype;
  const size = bytesPerElement(dtype);
  return {
    dtype,
    length: elementsOf(tensor.shape),
    async read(start, count) {
      const { buffer } = await tensor.read(start * size, count * size, spares.take(count * size));
      if (dtype === "float64") return new Float64Array(buffer);
      return dtype === "float32" ? new Float32Array(buffer) : new Uint16Array(buffer);
    },
    reuse: ({ buffer }) => spares.give(buffer as ArrayBuffer),
  };
}

/** Whether all codes that are made at a time fill whole words, where they are packed: rows and groups do then. */
function fillsWords({ packed }: OutputTensor, shape: readonly number[], granularity: Granularity): boolean {
  if (packed === undefined) return true;
  const perWord = 32 / packed;
  const group = typeof granularity === "object" ? granularity.group : perWord;
  return shape[1] % perWord === 0 && group % perWord === 0;
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
