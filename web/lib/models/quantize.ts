import { checkNames, shown } from "../core/arguments.js";
import { NonFiniteError } from "../core/errors.js";
import type { TotalErrors } from "../core/types.js";
import type { KeepDecision, QuantizeDecision } from "../formats/decision.js";
import type { Plan, Target } from "../formats/format.js";
import type { CodeSink, Output, OutputStep, WriteBytes } from "../formats/output.js";
import { arranged } from "../io/arranged.js";
import type { ByteSink, FilePlace } from "../io/bytes.js";
import { lenderOf, lentOrNot } from "../io/lent-files.js";
import { isBelow } from "../io/paths.js";
import { SpareMemory } from "../io/spare-memory.js";
import type { CodesPlace, ResultSink, WeightSource } from "../stream/ends.js";
import { quantizeStream, type StreamOptions } from "../stream/quantize-stream.js";
import { rotated } from "../stream/rotated.js";
import type { Runner } from "../stream/runner.js";
import type { TensorCourse } from "../tensor/course.js";
import { elementsOf } from "../tensor/dtypes.js";
import type { ModelTensor } from "../tensor/tensor.js";
import { type AnyChannelwise, runnerOf } from "../workers/runner-of.js";
import { copyBytes } from "./copy-bytes.js";
import { type KeptFloats, keptFloats } from "./kept-floats.js";
import { checkRunOptions, type RunOptions, runSteps, type Step, writing } from "./run.js";
import { weightsOf } from "./weights.js";

/**
 * The decision for a tensor, with its error figures if it was quantized. If it was rotated, the figures are those of the
 * rotated weights, whose squared errors have the same sum.
 */
export type TensorSummary =
  | (QuantizeDecision &
      TotalErrors & {
        /** Whether it was rotated, where that was tried. */
        readonly isRotated?: boolean;
      })
  | KeepDecision;

type Made = TotalErrors & { readonly isRotated?: boolean };

/** The result of `quantizeModel`. */
export interface ModelSummary {
  /** The tensors in the order of the model. */
  readonly tensors: readonly TensorSummary[];
  /** The size of the files in bytes. */
  readonly byteLength: number;
  /** The metadata that were written into the header. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The share of the model's bytes that stayed floats, and the reasons. */
  readonly keptFloats: KeptFloats;
  /** The warnings of the plan. */
  readonly warnings: readonly string[];
}

/** The options of `quantizeModel`. */
export interface WriteOptions extends RunOptions {
  /**
   * A file for data that do not go into an .onnx model. It is needed if the model had such a file, or would take more
   * than 2 GB.
   */
  readonly external?: {
    /** Its path relative to the model's folder, which the model will contain. */
    readonly location: string;
    /** The sink for the bytes of that file. */
    readonly sink: ByteSink;
  };
}

/**
 * Quantizes a model into a file, with each tensor quantized or kept byte for byte as the plan says. The file is
 * complete and closed when the promise resolves; otherwise the sink is aborted. Memory does not grow with the model,
 * except for weights of MatMulNBits, whose codes are held one weight at a time.
 *
 * @param channelwise the result of a `load`. That of "channelwise/parallel" uses all its workers.
 * @param plan the result of `planModel`.
 * @throws {TypeError | RangeError} for wrong arguments, before anything is written.
 * @throws {NonFiniteError | FormatError} for weights that are not finite, and for damaged files.
 * @throws {StoppedError} where reading or writing fails, or the signal ends the run; its `cause` has the reason.
 */
export async function quantizeModel(
  channelwise: AnyChannelwise,
  plan: Plan,
  sink: ByteSink,
  options: WriteOptions = {},
): Promise<ModelSummary> {
  // The model is closed last, because it names the other file.
  return writing(sink, async () => {
    const { external, ...runOptions } = options;
    checkRunOptions(runOptions);
    if (external !== undefined) checkExternal(external);
    const runner = runnerOf(channelwise);
    const write = async () => {
      const output = layOut(plan, external?.location);
      const { begin, steps, end } = output.work(sink, external?.sink);
      await begin();
      const spares = new SpareMemory();
      const errors = new Map<number, Made>();
      const toDo = steps.map((step) => stepOf(step, plan, runner, spares, errors));
      await runSteps(toDo, runOptions);
      await plan.model.checkUnchanged?.();
      await end();
      const { byteLength, metadata } = output;
      const { warnings } = plan;
      return { tensors: summaries(plan, errors), byteLength, metadata, keptFloats: keptFloats([plan]), warnings };
    };
    return external ? writing(external.sink, write) : write();
  });
}

/**
 * Computes the error figures of every tensor of a plan, and writes nothing.
 *
 * @param channelwise the result of a `load`. That of "channelwise/parallel" uses all its workers.
 * @returns the tensors in the order of the model.
 * @throws {NonFiniteError | FormatError | StoppedError} as `quantizeModel` does.
 */
export async function measureModel(
  channelwise: AnyChannelwise,
  plan: Plan,
  options: RunOptions = {},
): Promise<readonly TensorSummary[]> {
  checkRunOptions(options);
  const runner = runnerOf(channelwise);
  const spares = new SpareMemory();
  const errors = new Map<number, Made>();
  const steps = plan.decisions.flatMap(({ quantize, tensor, bytesBefore }, place) => {
    const nowhere: CodeSink = { quantized() {}, scales() {} };
    const step: OutputStep = plan.target.encode
      ? { tensor, byteLength: bytesBefore, encode: place, write: async () => {} }
      : { tensor, byteLength: bytesBefore, quantize: place, results: () => nowhere };
    return quantize ? [stepOf(step, plan, runner, spares, errors)] : [];
  });
  await runSteps(steps, options);
  await plan.model.checkUnchanged?.();
  return summaries(plan, errors);
}

/**
 * The size in bytes of the files that `quantizeModel` writes for a plan. No weight is read for it.
 *
 * @param location the location of `external`, if that is given.
 */
export function outputBytes(plan: Plan, location?: string): number {
  return layOut(plan, location).byteLength;
}

function layOut(plan: Plan, location: string | undefined): Output {
  return plan.target.layOut(plan, location);
}

function summaries({ decisions }: Plan, errors: ReadonlyMap<number, Made>): TensorSummary[] {
  return decisions.map((decision, place) =>
    decision.quantize ? { ...decision, ...(errors.get(place) as Made) } : decision,
  );
}

function checkExternal(external: NonNullable<WriteOptions["external"]>): void {
  checkNames("external", external, ["location", "sink"]);
  if (typeof external.location !== "string" || !isBelow(external.location)) {
    throw new TypeError(`external.location is ${shown(external.location)}; it must be a path below the model's folder`);
  }
  if (typeof external.sink?.write !== "function") {
    throw new TypeError(`external.sink must be a ByteSink, not ${shown(external.sink)}`);
  }
}

function stepOf(
  step: OutputStep,
  plan: Plan,
  runner: Runner,
  spares: SpareMemory,
  errors: Map<number, Made>,
): Step<void> {
  const { tensor, byteLength } = step;
  const run = async (course: TensorCourse) => {
    if ("copy" in step) return copyBytes(step.copy, step.write, course);
    if ("dequantize" in step) throw new Error("a plan dequantizes nothing");
    const place = "encode" in step ? step.encode : step.quantize;
    const weights = plan.model.tensors[place];
    const decision = plan.decisions[place] as QuantizeDecision;
    const made = await arranged(weights, course, (inOrder, rest) =>
      "encode" in step
        ? encode(plan.target, runner, inOrder, decision, step.write, rest)
        : quantize(step, inOrder, decision, runner, spares, rest),
    );
    errors.set(place, made);
  };
  return { tensor, byteLength, run };
}

/** Encodes a tensor for a target that makes its bytes itself. */
function encode(
  { encode }: Target,
  runner: Runner,
  tensor: ModelTensor,
  decision: QuantizeDecision,
  write: WriteBytes,
  course: TensorCourse,
) {
  if (!encode) throw new Error("the target encodes nothing");
  return encode(runner, tensor, decision, write, course);
}

async function quantize(
  { results: resultsOf, lendCodes }: Extract<OutputStep, { readonly quantize: number }>,
  tensor: ModelTensor,
  { scheme, quantizedShape, rotation }: QuantizeDecision,
  runner: Runner,
  spares: SpareMemory,
  course: TensorCourse,
): Promise<Made> {
  const { granularity } = scheme;
  const source = weightsOf(tensor, quantizedShape, spares, typeof granularity === "object" ? granularity.along : 0);
  const results = resultsOf(runner.engine);
  const options = { shape: quantizedShape, ...scheme, scales: scheme.rule, signal: course.signal };
  const onProgress = (done: number, all: number) => course.progress(done / all);
  if (rotation !== undefined && (await rotationPays(runner, source, rotation, options))) {
    await results.begin?.(true);
    const made = await quantizeStream(runner, rotated(source, rotation), results, { ...options, onProgress });
    await results.finish?.();
    const { mse, maxError, sqnr } = made as TotalErrors;
    return { mse, maxError, sqnr, isRotated: true };
  }
  if (scheme.balance) {
    const { balancedStream } = await import("../stream/balanced-stream.js");
    await results.begin?.();
    const made = await balancedStream(runner, source, results, { ...options, onProgress });
    await results.finish?.();
    return { ...made, mse: (made.mse * source.length) / elementsOf(tensor.shape) };
  }
  const stream = (weightsPlace?: FilePlace, codesPlace?: CodesPlace) =>
    quantizeStream(
      runner,
      { ...source, file: weightsPlace },
      { ...results, file: codesPlace },
      { ...options, onProgress },
    );
  await results.begin?.();
  const errors = (await lentOrNot(lenderOf(tensor), (weightsPlace) =>
    lendCodes ? lendCodes((codesPlace) => stream(weightsPlace, codesPlace)) : stream(weightsPlace),
  )) as TotalErrors;
  await results.finish?.();
  const { mse, maxError, sqnr } = errors;
  // Zeros that pad the weights have no errors.
  const made = { mse: (mse * source.length) / elementsOf(tensor.shape), maxError, sqnr };
  return rotation === undefined ? made : { ...made, isRotated: false };
}

/** Whether rotated weights lose less. Those that are so large that a rotation is not finite stay as they are. */
async function rotationPays(runner: Runner, source: WeightSource, rotation: number, options: StreamOptions) {
  const nowhere: ResultSink = { quantized() {}, scales() {} };
  const without = (await quantizeStream(runner, source, nowhere, options)) as TotalErrors;
  try {
    const turned = (await quantizeStream(runner, rotated(source, rotation), nowhere, options)) as TotalErrors;
    return turned.mse < without.mse;
  } catch (error) {
    if (error instanceof NonFiniteError) return false;
    throw error;
  }
}
