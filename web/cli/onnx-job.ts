import { basename } from "node:path";
import { type ByteSink, fileSink } from "channelwise/files";
import {
  measureOnnx,
  type OnnxChoice,
  type OnnxModel,
  type OnnxPlan,
  type OnnxRules,
  onnxBytes,
  planOnnx,
  readOnnx,
  type WeightErrors,
  writeOnnx,
} from "channelwise/onnx";
import type { Input } from "./inputs.js";
import type { OpenJob, PlannedTensor, RunResult } from "./job.js";
import type { Settings, TensorSettings } from "./settings.js";
import { UsageError } from "./usage-error.js";

/** Opens an ONNX model. */
export async function openOnnxJob(input: Input, settings: Settings): Promise<OpenJob> {
  const rules = rulesOf(settings);
  const model = await readOnnx(input.files);
  try {
    const plan = planModel(model, rules);
    const tensors = [...plan.choices.map(plannedWeight), ...plan.kept.map(plannedKept)];
    const bytesBefore = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bytesAfter = onnxBytes(plan);
    return {
      plan: {
        reads: input.files,
        format: `onnx, opset ${model.opset}`,
        ...{ tensors, bytesBefore, bytesAfter, unmatched: plan.unmatched, warnings: [], passedOver: [] },
      },
      async run(channelwise, { output, overwrite, signal, onProgress }): Promise<RunResult> {
        const options = {
          signal,
          // Of more than the weights, since all else is copied.
          onProgress: ({ done, total, tensor }: { done: number; total: number; tensor: string }) =>
            onProgress((done / total) * bytesBefore, tensor),
        };
        const errors =
          output === undefined
            ? await measureOnnx(channelwise, plan, options)
            : await writeOnnx(channelwise, plan, await fileSink(output, { overwrite }), {
                ...options,
                external: { location: dataName(output), sink: lazySink(`${output}.data`, overwrite) },
              });
        const byteLength = onnxBytes(plan, output === undefined ? undefined : dataName(output));
        return { tensors: summariesOf(plan, tensors, errors), byteLength };
      },
      close: model.close,
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** What the file beside a model is called, of which it is there only if the model has to have one. */
const dataName = (output: string) => `${basename(output)}.data`;

function rulesOf({ dialect, onnx, overrides, ...settings }: Settings): OnnxRules {
  if (dialect !== undefined) {
    throw new UsageError(`--dialect is ${dialect}, which is of other files; an .onnx model stays an .onnx model`);
  }
  const own = Object.entries(overrides).map(([pattern, override]) => [pattern, weightRules(override)]);
  return { ...weightRules(settings), ...onnx, overrides: Object.fromEntries(own) };
}

function weightRules<S extends TensorSettings>({ granularity, ...settings }: S) {
  if (granularity === undefined) return settings;
  if (typeof granularity === "string") return { ...settings, granularity };
  const { group, along } = granularity;
  if (along !== undefined) {
    throw new UsageError(
      `the granularity is group:${group}@${along}; in an .onnx model groups lie along what an operator sums over: leave out @${along}`,
    );
  }
  return { ...settings, granularity: { group } };
}

/** The library names its arguments as the options are called. */
function planModel(model: OnnxModel, rules: OnnxRules): OnnxPlan {
  try {
    return planOnnx(model, rules);
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? new UsageError(`--${error.message}`) : error;
  }
}

function plannedWeight({ weight, bits, axis, granularity, pattern, notes }: OnnxChoice): PlannedTensor {
  const { name, dtype, shape, byteLength } = weight;
  const ofChannel = granularity === "channel" ? axis : undefined;
  return {
    name,
    shape,
    dtype,
    byteLength,
    decision: { tensor: name, quantize: true, bits, axis: ofChannel, granularity },
    pattern,
    notes,
  };
}

function plannedKept({ reason, ...tensor }: OnnxPlan["kept"][number]): PlannedTensor {
  return { ...tensor, decision: { tensor: tensor.name, quantize: false, reason } };
}

function summariesOf(
  { choices }: OnnxPlan,
  tensors: readonly PlannedTensor[],
  errors: readonly WeightErrors[],
): RunResult["tensors"] {
  const errorsOf = new Map(errors.map((each) => [each.choice, each]));
  return tensors.map(({ decision, byteLength }, i) => {
    if (!decision.quantize) return { ...decision, bytesBefore: byteLength, bytesAfter: byteLength };
    const choice = choices[i];
    const { mse, maxError, sqnr } = errorsOf.get(choice) as WeightErrors;
    return { ...decision, bytesBefore: byteLength, bytesAfter: choice.bytesAfter, mse, maxError, sqnr };
  });
}

/** A file that is there only if something is written to it. */
function lazySink(path: string, overwrite: boolean): ByteSink {
  let sink: Promise<ByteSink> | undefined;
  return {
    async write(offset, bytes) {
      sink ??= fileSink(path, { overwrite });
      await (await sink).write(offset, bytes);
    },
    close: async () => (await sink)?.close(),
    abort: async (reason) => (await sink)?.abort(reason),
  };
}
