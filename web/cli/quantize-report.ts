import { keptFloats, type Plan, printable } from "channelwise/models";
import { mixText } from "./fit.js";
import { bytes, counted, formatText } from "./format.js";
import { type DoneJob, decisionJson, type Job } from "./job.js";
import { keptNodesLines, searchJson } from "./keep-nodes.js";
import { keptFloatsLines } from "./kept-floats.js";
import { type MeasuredTensor, showMeasured, sqnrText, worstFirst } from "./measured.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** Shows what was written, or only measured, and the errors. */
export function showReport(stream: Stream, done: readonly DoneJob[], written: boolean): void {
  const measured = done.flatMap((job) => measuredOf(job, done.length > 1));
  showMeasured(stream, measured);
  const after = done.reduce((sum, { result }) => sum + result.byteLength, 0);
  const before = done.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const one = written ? done[0].output : `${done[0].input.path}, measured only`;
  const what = done.length === 1 ? printable(one) : counted(done.length, "file");
  stream.write(`${styled(stream, "bold", what)}  ${bytes(before)} to ${bytes(after)}\n`);
  if (measured.length > 0) stream.write(`${sqnrText(measured)}\n`);
  const rules = done.flatMap(({ result }) => ggufRules(result) ?? []);
  for (const rule of new Set(
    rules.map(({ fileType, program }) => `file type ${fileType}, by the rules of ${program}\n`),
  )) {
    stream.write(rule);
  }
  for (const { mix, result } of done) {
    if (mix) stream.write(`${mixText(mix, result.tensors.filter(({ quantize }) => quantize).length)}\n`);
  }
  for (const job of done) for (const line of keptNodesLines(job, widthOf(stream))) stream.write(`${line}\n`);
  for (const line of keptFloatsLines(done, widthOf(stream))) stream.write(`${line}\n`);
}

/** Shows what else is needed to load a model of compressed-tensors. */
export function showConfigHint(stream: Stream, path: string): void {
  stream.write(
    `its config.json needs the quantizationConfig that this shows: channelwise inspect --json ${printable(path)}\n`,
  );
}

/**
 * @param several whether there are several models, whose tensors may have the same names. The tensor of a file of one
 * array is named after the file.
 */
function measuredOf({ input, plan: { model }, result }: DoneJob, several: boolean): MeasuredTensor[] {
  const prefix = several && model.tensors.length > 1 ? `${input.stem}: ` : "";
  return result.tensors.flatMap((tensor, i) =>
    tensor.quantize
      ? [{ ...tensor, bits: tensor.scheme.bits, name: prefix + tensor.tensor, shape: model.tensors[i].shape }]
      : [],
  );
}

export function jobJson(job: Job): object {
  const { input, output, plan, bytesBefore, bytesAfter } = job;
  const tensors = plan.decisions.map((decision, i) => ({ ...decisionJson(decision), ...tensorJson(job, i) }));
  return {
    input: input.path,
    output,
    format: formatText(plan),
    bytesBefore,
    bytesAfter,
    ...mixJson(job),
    ...searchJson(job),
    ...planJson(plan),
    tensors,
  };
}

export function doneJson(job: DoneJob): object {
  const { input, output, plan, bytesBefore, result } = job;
  const tensors = result.tensors.map((tensor, i) => ({
    tensor,
    json: { ...decisionJson(tensor), ...tensorJson(job, i) },
  }));
  const quantized = tensors.flatMap(({ tensor, json }) => (tensor.quantize ? [{ ...json, sqnr: tensor.sqnr }] : []));
  return {
    input: input.path,
    output,
    format: formatText(plan),
    bytesBefore,
    bytesAfter: result.byteLength,
    ...mixJson(job),
    ...searchJson(job),
    ...ggufRules(result),
    ...planJson(plan),
    tensors: [...worstFirst(quantized), ...tensors.flatMap(({ tensor, json }) => (tensor.quantize ? [] : [json]))],
  };
}

/** The type of a GGUF, and the program whose rules it follows; undefined for other files. */
function ggufRules({ metadata }: DoneJob["result"]): { fileType: string; program: string } | undefined {
  const fileType = metadata?.["general.file_type"];
  return fileType === undefined ? undefined : { fileType, program: metadata?.program ?? "" };
}

/** The parts of a plan that concern the whole model, and how a text was understood. */
function planJson(plan: Plan): object {
  const { passedOver = [], notes } = plan.model;
  return { keptFloats: keptFloats([plan]), warnings: plan.warnings, passedOver, ...(notes !== undefined && { notes }) };
}

/** What was chosen for a budget. */
function mixJson({ mix }: Job): object {
  if (mix === undefined) return {};
  const { bitsPerWeight, sqnr, worst } = mix;
  return { mix: { bitsPerWeight, sqnr, worst } };
}

function tensorJson({ plan }: Job, place: number): object {
  const { shape, dtype } = plan.model.tensors[place];
  return { shape, dtype };
}
