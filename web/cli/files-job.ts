import { join } from "node:path";
import {
  type ByteSink,
  type Choice,
  type ChooseRules,
  chooseTensors,
  fairPart,
  fileSink,
  type Model,
  openModel,
  outputBytes,
  quantizeModel,
  unmatchedPatterns,
  warningsOf,
} from "channelwise/files";
import type { Input } from "./inputs.js";
import type { OpenJob } from "./job.js";
import { onnxOptions, type Settings, type Shard, type TensorSettings } from "./settings.js";
import { UsageError } from "./usage-error.js";

/** Opens a model of the formats of channelwise/files; with `shard`, for a part of its tensors. */
export async function openFilesJob(input: Input, settings: Settings, shard: Shard | undefined): Promise<OpenJob> {
  const rules = rulesOf(settings);
  const whole = await openModel(input.files);
  try {
    const all = choose(whole, rules);
    if (shard) outputBytes(whole, all); // refuses what cannot be written of the whole, whichever part this is
    const { model, choice } = partOf(whole, all, shard);
    return {
      plan: {
        reads: whole.files.map((name) => join(input.folder, name)),
        format: model.format,
        tensors: model.tensors.map(({ name, shape, dtype, byteLength }, i) => ({
          name,
          shape,
          dtype,
          byteLength,
          decision: choice.decisions[i],
          notes: notesOf(choice, choice.decisions[i]),
        })),
        bytesBefore: model.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
        bytesAfter: outputBytes(model, choice),
        unmatched: unmatchedPatterns(whole, rules),
        warnings: warningsOf(whole, all),
        passedOver: whole.passedOver ?? [],
      },
      async run(channelwise, { output, overwrite, signal, onProgress }) {
        const sink = output === undefined ? nowhere : await fileSink(output, { overwrite });
        return quantizeModel(channelwise, model, choice, sink, {
          signal,
          onProgress: ({ done, tensor }) => onProgress(done, tensor),
        });
      },
      close: whole.close,
    };
  } catch (error) {
    await whole.close();
    throw error;
  }
}

function rulesOf({ onnx, overrides, ...settings }: Settings): ChooseRules {
  for (const name of Object.keys(onnx) as (keyof typeof onnx)[]) {
    throw new UsageError(`--${onnxOptions[name]} is of .onnx models; this is another file`);
  }
  const own = Object.entries(overrides).map(([pattern, override]) => [pattern, tensorRules(override)]);
  return { ...tensorRules(settings), overrides: Object.fromEntries(own) };
}

/** Where codes of fewer bits make no smaller file. */
function notesOf({ dialect }: Choice, decision: Choice["decisions"][number]): string[] {
  if (!decision.quantize || dialect === "compressed-tensors") return [];
  const { bits } = decision;
  if (bits === 8 || bits === 16) return [];
  const takes = bits < 8 ? "a byte" : "two bytes";
  const advice = bits <= 4 ? "; compressed-tensors packs 4 bits" : "";
  return [`a code of ${bits} bits takes ${takes} in the file with the dialect ${dialect}${advice}`];
}

/** Groups lie along the last axis, which is that of a matrix's input channels, unless an axis is given. */
function tensorRules<S extends TensorSettings>({ granularity, ...settings }: S) {
  if (granularity === undefined) return settings;
  if (typeof granularity === "string") return { ...settings, granularity };
  const { group, along = -1 } = granularity;
  return { ...settings, granularity: { group, along } };
}

/** For a run that only measures. */
const nowhere: ByteSink = { write: async () => {}, close: async () => {}, abort: async () => {} };

/** The library names its arguments as the options are called. */
function choose(model: Model, rules: ChooseRules): Choice {
  try {
    return chooseTensors(model, rules);
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? new UsageError(`--${error.message}`) : error;
  }
}

function partOf(model: Model, choice: Choice, shard: Shard | undefined): { model: Model; choice: Choice } {
  if (!shard) return { model, choice };
  const items = model.tensors.map((tensor, i) => ({ size: tensor.byteLength, tensor, decision: choice.decisions[i] }));
  const mine = fairPart(items, shard.k, shard.n);
  return {
    model: { ...model, tensors: mine.map(({ tensor }) => tensor) },
    choice: { ...choice, decisions: mine.map(({ decision }) => decision) },
  };
}
