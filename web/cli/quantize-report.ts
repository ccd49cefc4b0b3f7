import { bytes, counted } from "./format.js";
import type { DoneTask, Plan, PlannedTensor, Task } from "./job.js";
import { keptFloatsLines, keptFloatsOf } from "./kept-floats.js";
import { type MeasuredTensor, showMeasured, sqnrText, worstFirst } from "./measured.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** Shows what was written, or only measured, and what it costs. */
export function showReport(stream: Stream, done: readonly DoneTask[], written: boolean): void {
  const measured = done.flatMap((task) => measuredOf(task, done.length > 1));
  showMeasured(stream, measured);
  const after = done.reduce((sum, { result }) => sum + result.byteLength, 0);
  const before = done.reduce((sum, { plan }) => sum + plan.bytesBefore, 0);
  const one = written ? done[0].output : `${done[0].input.path}, measured only`;
  const what = done.length === 1 ? one : counted(done.length, "file");
  stream.write(`${styled(stream, "bold", what)}  ${bytes(before)} to ${bytes(after)}\n`);
  if (measured.length > 0) stream.write(`${sqnrText(measured)}\n`);
  for (const line of keptFloatsLines(done, widthOf(stream))) stream.write(`${line}\n`);
}

/** What else a model of compressed-tensors needs to be loaded. */
export function showConfigHint(stream: Stream, path: string): void {
  stream.write(`its config.json needs the quantizationConfig that this shows: channelwise inspect --json ${path}\n`);
}

/** @param several models, whose tensors may have the same names; a file of one array has its name from the file. */
function measuredOf({ input, plan, result }: DoneTask, several: boolean): MeasuredTensor[] {
  const prefix = several && plan.tensors.length > 1 ? `${input.stem}: ` : "";
  return result.tensors.flatMap((tensor, i) =>
    tensor.quantize ? [{ ...tensor, name: prefix + tensor.tensor, shape: plan.tensors[i].shape }] : [],
  );
}

export function taskJson({ input, output, plan }: Task): object {
  const { format, bytesBefore, bytesAfter, tensors } = plan;
  return {
    input: input.path,
    output,
    format,
    bytesBefore,
    bytesAfter,
    ...planJson(plan),
    tensors: tensors.map((tensor) => ({ ...tensor.decision, ...tensorJson(tensor) })),
  };
}

export function doneJson({ input, output, plan, result }: DoneTask): object {
  const { format, bytesBefore } = plan;
  const tensors = result.tensors.map((tensor, i) => ({ ...tensor, ...tensorJson(plan.tensors[i]) }));
  return {
    input: input.path,
    output,
    format,
    bytesBefore,
    bytesAfter: result.byteLength,
    ...planJson(plan),
    tensors: [
      ...worstFirst(tensors.filter((tensor) => tensor.quantize)),
      ...tensors.filter((tensor) => !tensor.quantize),
    ],
  };
}

/** What is said of a model as a whole. */
function planJson(plan: Plan): object {
  const { warnings, passedOver } = plan;
  return { keptFloats: keptFloatsOf([{ plan }]), warnings, passedOver };
}

function tensorJson({ shape, dtype, pattern, notes }: PlannedTensor): object {
  return { shape, dtype, ...(pattern !== undefined && { pattern }), ...(notes?.length && { notes }) };
}
