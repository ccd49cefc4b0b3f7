import { join } from "node:path";
import { dequantizeModel, fileSink, inspectModel, openModel, printable } from "channelwise/models";
import { writingOutput } from "./begun-output.js";
import { UsageError } from "./command-error.js";
import type { Context, Outcome } from "./context.js";
import { bytes, counted } from "./format.js";
import { groupInputs } from "./inputs.js";
import type { Values } from "./options.js";
import { checkOutputs, dequantizedName, refuseExisting } from "./outputs.js";
import { ProgressBar } from "./progress.js";
import { tellReading } from "./reading.js";
import { parseThreads } from "./settings.js";
import { styled } from "./terminal.js";
import { tellMissingParts, tellPassedOver, tellWarnings } from "./told.js";
import { withWorkers } from "./workers.js";

/** `channelwise dequantize` */
export async function dequantize(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const { stdout, stderr, signal } = context;
  const { force = false, json = false, float16 } = values;
  const threads = values.threads === undefined ? undefined : parseThreads(values.threads);
  const [input, ...others] = groupInputs(operands);
  if (others.length > 0) throw new UsageError("dequantize takes one model; do several one by one");
  const output = dequantizedName(input, values.output);
  const model = await openModel(input.files);
  try {
    checkOutputs(
      [output],
      model.files.map((name) => join(input.folder, name)),
    );
    tellMissingParts(stderr, input);
    tellReading(stderr, input.path, model);
    const { quantized, blocks = [], unreadable, warnings = [] } = await inspectModel(model);
    const count = quantized.length + blocks.length;
    if (count === 0 && unreadable.length === 0 && model.format !== "gguf")
      throw new Error(`${input.path} has no quantized tensors`);
    if (!force) refuseExisting([output]);
    const bar = new ProgressBar(stderr);
    const onProgress = ({ done, total, tensor }: { done: number; total: number; tensor: string }) =>
      bar.update(done, total, tensor);
    const { byteLength } = await writingOutput(output, context, () =>
      withWorkers(threads, async (channelwise) =>
        dequantizeModel(channelwise, model, await fileSink(output, { overwrite: force }), {
          signal,
          onProgress,
          float16,
        }),
      ).finally(() => bar.clear()),
    );
    const bytesBefore = model.byteLength;
    tellPassedOver(stderr, input.path, model.passedOver);
    const kept = unreadable.map(({ tensor, reason }) => `${tensor} stays as it is, since it cannot be read: ${reason}`);
    tellWarnings(stderr, [...warnings, ...kept]);
    if (!json) {
      const size = `${bytes(bytesBefore)} to ${bytes(byteLength)}`;
      stdout.write(`${styled(stdout, "bold", printable(output))}  ${counted(count, "tensor")} dequantized, ${size}\n`);
    }
    const tensors = [
      ...quantized.map(({ name, shape, scheme }) => ({ tensor: name, shape, ...scheme })),
      ...blocks.map(({ name, shape, blockType }) => ({ tensor: name, shape, type: blockType })),
    ];
    const { passedOver = [] } = model;
    const told = { bytesBefore, bytesAfter: byteLength, tensors, unreadable, passedOver, warnings };
    return { exitCode: 0, json: { input: input.path, output, ...told } };
  } finally {
    await model.close();
  }
}
