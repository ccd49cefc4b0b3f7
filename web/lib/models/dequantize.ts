import { checkBoolean, type FloatArray } from "../core/arguments.js";
import { extentsOf } from "../core/memory/extents.js";
import type { Inspection, Model } from "../formats/format.js";
import type { OutputStep } from "../formats/output.js";
import type { ByteSink, FilePlace } from "../io/bytes.js";
import { lentOrNot } from "../io/lent-files.js";
import { copyFloats } from "../stream/copy-floats.js";
import { dequantizeStream } from "../stream/dequantize-stream.js";
import type { Runner } from "../stream/runner.js";
import type { TensorCourse } from "../tensor/course.js";
import { bytesPerElement } from "../tensor/dtypes.js";
import { halfBytes } from "../tensor/halves.js";
import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import { bytesIn, scaleBytes } from "../tensor/stored-scales.js";
import { type AnyChannelwise, runnerOf } from "../workers/runner-of.js";
import { copyBytes } from "./copy-bytes.js";
import { inspectModel } from "./inspect.js";
import { kindOf } from "./plan.js";
import { checkRunOptions, type RunOptions, runSteps, type Step, writing } from "./run.js";
import { type Values, withValues } from "./values.js";

/** The options of `dequantizeModel`. */
export interface DequantizeOptions extends RunOptions {
  /** Whether the weights become float16, rounded half to even. Not for .onnx models. */
  readonly float16?: boolean | undefined;
}

/**
 * Writes the weights that a quantized model stands for, as float32, or float64 where its scales are. Everything else is
 * kept byte for byte, including quantized tensors that cannot be read. An .onnx model stays one, and its weights get
 * the type of their scales; all other models become a .safetensors file, also a GGUF in which nothing is quantized. The
 * sink is closed when it is complete, and aborted otherwise.
 *
 * @throws {TypeError} for a model of another format without quantized tensors that can be read.
 * @throws {FormatError | StoppedError} as `quantizeModel` does, also where a float16 does not hold a weight.
 */
export async function dequantizeModel(
  channelwise: AnyChannelwise,
  model: Model,
  sink: ByteSink,
  options: DequantizeOptions = {},
): Promise<
  Pick<Inspection, "unreadable"> & {
    /** The size of the file in bytes. */
    readonly byteLength: number;
  }
> {
  return writing(sink, async () => {
    const { float16 = false, ...run } = options;
    checkBoolean("float16", float16);
    checkRunOptions(run);
    const runner = runnerOf(channelwise);
    const inspection = await inspectModel(model);
    const { quantized, blocks = [], unreadable } = inspection;
    if (quantized.length + blocks.length === 0 && !kindOf(model).convertsFloats) {
      const [first] = unreadable;
      const why = first && `tensor ${first.tensor}: ${first.reason}`;
      throw new TypeError(why ?? `${model.name} has no quantized tensors`);
    }
    const output = kindOf(model).floats(model, inspection, float16);
    const { begin, steps, end } = output.work(sink, undefined);
    await begin();
    await runSteps(
      steps.map((step) => stepOf(step, runner, float16)),
      run,
    );
    await model.checkUnchanged?.();
    await end();
    return { byteLength: output.byteLength, unreadable };
  });
}

function stepOf(step: OutputStep, runner: Runner, float16: boolean): Step<void> {
  const { tensor, byteLength } = step;
  const run = async (course: TensorCourse) => {
    if ("copy" in step) return copyBytes(step.copy, step.write, course);
    if ("quantize" in step || "encode" in step) throw new Error("a model of floats has nothing to quantize");
    await withValues(runner.engine, step.dequantize, (values) =>
      lentOrNot(step.lendValues, (file) => dequantize(runner, { ...step, values, file, float16 }, course)),
    );
  };
  return { tensor, byteLength, run };
}

type Dequantizing = Extract<OutputStep, { readonly dequantize: QuantizedTensor }> & {
  readonly values: Values;
  /** Where workers write the floats themselves. */
  readonly file: FilePlace | undefined;
  /** Whether weights must have a float16. Floats of an .onnx model with scales of float16 may become infinite. */
  readonly float16: boolean;
};

async function dequantize(
  runner: Runner,
  { dequantize: tensor, info, write, values, file, float16 }: Dequantizing,
  { signal, progress }: TensorCourse,
): Promise<void> {
  const { dtype } = info;
  const bytesOf = (some: FloatArray, start: number) => {
    if (float16) return halfBytes(some, start);
    return dtype === "float16" ? scaleBytes(some, dtype) : bytesIn(some);
  };
  const sink = (start: number, some: FloatArray) => write(start * bytesPerElement(dtype), bytesOf(some, start));
  const onProgress = (done: number, all: number) => progress(done / all);
  if ("products" in values) {
    await copyFloats(values.products, sink, { signal, onProgress });
    return;
  }
  const { quantizedShape, scheme } = tensor;
  const extents = extentsOf(quantizedShape, scheme.axis, scheme.granularity);
  await dequantizeStream(runner, values.codes, { scales: values.scales }, { dequantized: sink, file }, extents, {
    signal,
    onProgress,
  });
}
