import { dirname } from "node:path";
import { type Decision, kindOfReason, printable, type QuantizeDecision } from "channelwise/models";
import { mixText } from "./fit.js";
import { bytes, counted, formatText, layoutText, oneLine, shapeText, wrapped } from "./format.js";
import type { Job } from "./job.js";
import { keptNodesLines } from "./keep-nodes.js";
import { keptFloatsLines } from "./kept-floats.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** Shows in a few lines what will be done. Tensors that are treated alike are counted. */
export function showPlan(stream: Stream, jobs: readonly Job[], writes: boolean): void {
  if (jobs.length === 0) return;
  const size = bytes(sumOf(jobs, "bytesAfter"));
  const target = writes ? `to ${printable(targetOf(jobs))}  ${size}` : `measured only; would take ${size}`;
  const width = widthOf(stream);
  const lines = [
    titleOf(stream, jobs),
    ...mixLines(jobs),
    ...groupLines(jobs, width),
    ...formLines(jobs, width),
    ...noteLines(jobs, width),
    target,
  ];
  stream.write(`${lines.join("\n")}\n\n`);
}

/** Shows what differs from the options. */
export function showNotes(stream: Stream, jobs: readonly Job[]): void {
  for (const line of noteLines(jobs, widthOf(stream))) stream.write(`${line.trimStart()}\n`);
}

/** Shows the decision for every tensor. */
export function showDecisions(stream: Stream, jobs: readonly Job[]): void {
  const width = widthOf(stream);
  for (const job of jobs) {
    const { model, decisions } = job.plan;
    const rows = model.tensors.map(({ name, shape, dtype }, i) => {
      const decision = decisions[i];
      const becomes = decision.quantize
        ? [howText(decision), ...decision.notes].join("; ")
        : `kept: ${decision.reason}`;
      return [name, shapeText(shape), dtype, becomes];
    });
    const [titles, ...lines] = tableLines(decisionColumns, rows, width);
    const target = `would be written to ${printable(job.output)}  ${bytes(job.bytesAfter)}`;
    const forms = formLines([job], width);
    const kept = [...mixLines([job]), ...keptNodesLines(job, width), ...keptFloatsLines([job], width)];
    stream.write(
      `${[titleOf(stream, [job]), styled(stream, "dim", titles), ...lines, ...forms, target, ...kept].join("\n")}\n\n`,
    );
  }
}

/** What was chosen for a budget. */
function mixLines(jobs: readonly Job[]): string[] {
  return jobs.flatMap(({ input, mix, plan }) => {
    if (mix === undefined) return [];
    const text = mixText(mix, plan.decisions.filter(({ quantize }) => quantize).length);
    return [jobs.length > 1 ? `${printable(input.path)}: ${text}` : text];
  });
}

const decisionColumns: readonly Column[] = [
  { title: "tensor", shorten: "middle" },
  { title: "shape" },
  { title: "dtype" },
  { title: "becomes", shorten: "end" },
];

function titleOf(stream: Stream, jobs: readonly Job[]): string {
  const [{ input, plan }] = jobs;
  const count = jobs.reduce((sum, { plan }) => sum + plan.decisions.length, 0);
  const facts = `${counted(count, "tensor")}, ${bytes(sumOf(jobs, "bytesBefore"))}`;
  if (jobs.length > 1) return `${styled(stream, "bold", counted(jobs.length, "file"))}  ${facts}`;
  return `${styled(stream, "bold", printable(input.path))}  ${formatText(plan)}, ${facts}`;
}

function targetOf(jobs: readonly Job[]): string {
  if (jobs.length === 1) return jobs[0].output;
  const folders = new Set(jobs.map(({ output }) => dirname(output)));
  return folders.size === 1 ? dirname(jobs[0].output) : "where they are";
}

function sumOf(jobs: readonly Job[], key: "bytesBefore" | "bytesAfter"): number {
  return jobs.reduce((sum, job) => sum + job[key], 0);
}

/** More groups would hide the important ones. */
const MOST_GROUPS = 5;
const MOST_NOTES = 2;

/** Lines on the forms in which weights of .onnx models are stored, and why. */
function formLines(jobs: readonly Job[], width: number): string[] {
  const sentences = new Set(jobs.flatMap(({ plan }) => plan.notes));
  return [...sentences].flatMap((sentence) =>
    wrapped(oneLine(sentence), width - 4).map((line, i) => (i === 0 ? "  " : "    ") + line),
  );
}

const groupColumns: readonly Column[] = [
  { title: "" },
  { title: "", number: true },
  { title: "", number: true },
  { title: "", shorten: "end" },
];

/** A decision, and the text that it shares with similar ones. */
interface Described {
  readonly decision: Decision;
  readonly text: string;
}

interface Group {
  readonly text: string;
  count: number;
  bytes: number;
}

/** Lines that count the tensors treated in each way: quantized ones first, then by size. */
export function groupLines(jobs: readonly Pick<Job, "plan">[], width: number): string[] {
  const decisions = jobs.flatMap(({ plan }) => plan.decisions);
  const quantized = decisions.flatMap((decision) => (decision.quantize ? [{ decision, text: howText(decision) }] : []));
  const kept = decisions.flatMap((decision) =>
    decision.quantize ? [] : [{ decision, text: kindOfReason(decision.reason) }],
  );
  const rowsOf = (verb: string, some: readonly Described[]) =>
    groupsOf(some).map(({ count, bytes: size, text }) => [verb, counted(count, "tensor"), bytes(size), text]);
  const rows = [...rowsOf("quantize", quantized), ...rowsOf("keep", kept)];
  const indent = "  ";
  const [_, ...lines] = tableLines(groupColumns, rows, width - indent.length);
  return lines.map((line) => indent + line);
}

/** The groups, largest first. Where there are many, the small ones are joined. */
function groupsOf(described: readonly Described[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { decision, text } of described) {
    const group = groups.get(text) ?? { text, count: 0, bytes: 0 };
    group.count++;
    group.bytes += decision.bytesBefore;
    groups.set(text, group);
  }
  const sorted = [...groups.values()].sort((a, b) => b.bytes - a.bytes);
  if (sorted.length <= MOST_GROUPS) return sorted;
  const rest = { text: "in other ways: --dry-run shows all", count: 0, bytes: 0 };
  for (const group of sorted.slice(MOST_GROUPS - 1)) {
    rest.count += group.count;
    rest.bytes += group.bytes;
  }
  return [...sorted.slice(0, MOST_GROUPS - 1), rest];
}

/** Lines on what differs from the options. */
function noteLines(jobs: readonly Job[], width: number): string[] {
  const counts = new Map<string, number>();
  for (const note of jobs.flatMap(({ plan }) => plan.decisions.flatMap((each) => (each.quantize ? each.notes : [])))) {
    counts.set(note, (counts.get(note) ?? 0) + 1);
  }
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_NOTES);
  return most.flatMap(([note, count]) =>
    wrapped(`${counted(count, "tensor")}: ${oneLine(note)}`, width - 4).map(
      (line, i) => (i === 0 ? "  " : "    ") + line,
    ),
  );
}

function howText({ scheme, pattern, blockType }: QuantizeDecision): string {
  if (blockType !== undefined) return blockType;
  const layout = layoutText(scheme);
  return pattern === undefined ? layout : `${layout}, as ${pattern}`;
}
