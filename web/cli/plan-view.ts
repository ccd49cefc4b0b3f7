import { dirname } from "node:path";
import { kindOfReason } from "channelwise/files";
import { bytes, counted, layoutText, shapeText, wrapped } from "./format.js";
import type { PlannedTensor, Task } from "./job.js";
import { keptFloatsLines } from "./kept-floats.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** Shows what will be done, in a few lines: tensors that are treated alike are counted. */
export function showPlan(stream: Stream, tasks: readonly Task[], writes: boolean): void {
  if (tasks.length === 0) return;
  const size = bytes(sumOf(tasks, "bytesAfter"));
  const target = writes ? `to ${targetOf(tasks)}  ${size}` : `measured only; would take ${size}`;
  const width = widthOf(stream);
  const lines = [titleOf(stream, tasks), ...groupLines(tasks, width), ...noteLines(tasks, width), target];
  stream.write(`${lines.join("\n")}\n\n`);
}

/** Shows what is not as it was asked for. */
export function showNotes(stream: Stream, tasks: readonly Task[]): void {
  for (const line of noteLines(tasks, widthOf(stream))) stream.write(`${line.trimStart()}\n`);
}

/** Shows what would become of every tensor. */
export function showDecisions(stream: Stream, tasks: readonly Task[]): void {
  for (const task of tasks) {
    const rows = task.plan.tensors.map((tensor) => [
      tensor.name,
      shapeText(tensor.shape),
      tensor.dtype,
      tensor.decision.quantize
        ? [howText(tensor), ...(tensor.notes ?? [])].join("; ")
        : `kept: ${tensor.decision.reason}`,
    ]);
    const [titles, ...lines] = tableLines(decisionColumns, rows, widthOf(stream));
    const target = `would be written to ${task.output}  ${bytes(task.plan.bytesAfter)}`;
    const kept = keptFloatsLines([task], widthOf(stream));
    stream.write(
      `${[titleOf(stream, [task]), styled(stream, "dim", titles), ...lines, target, ...kept].join("\n")}\n\n`,
    );
  }
}

const decisionColumns: readonly Column[] = [
  { title: "tensor", shorten: "middle" },
  { title: "shape" },
  { title: "dtype" },
  { title: "becomes", shorten: "end" },
];

function titleOf(stream: Stream, tasks: readonly Task[]): string {
  const [{ input, plan }] = tasks;
  const count = tasks.reduce((sum, task) => sum + task.plan.tensors.length, 0);
  const facts = `${counted(count, "tensor")}, ${bytes(sumOf(tasks, "bytesBefore"))}`;
  if (tasks.length > 1) return `${styled(stream, "bold", counted(tasks.length, "file"))}  ${facts}`;
  return `${styled(stream, "bold", input.path)}  ${plan.format}, ${facts}`;
}

function targetOf(tasks: readonly Task[]): string {
  if (tasks.length === 1) return tasks[0].output;
  const folders = new Set(tasks.map(({ output }) => dirname(output)));
  return folders.size === 1 ? dirname(tasks[0].output) : "where they are";
}

function sumOf(tasks: readonly Task[], key: "bytesBefore" | "bytesAfter"): number {
  return tasks.reduce((sum, { plan }) => sum + plan[key], 0);
}

/** More would hide what is to be seen. */
const MOST_GROUPS = 5;
const MOST_NOTES = 2;

const groupColumns: readonly Column[] = [
  { title: "" },
  { title: "", number: true },
  { title: "", number: true },
  { title: "", shorten: "end" },
];

interface Group {
  readonly text: string;
  count: number;
  bytes: number;
}

/** How many tensors are treated in which way: those that are quantized first, then by size. */
export function groupLines(tasks: readonly Pick<Task, "plan">[], width: number): string[] {
  const tensors = tasks.flatMap(({ plan }) => plan.tensors);
  const rowsOf = (verb: string, some: readonly PlannedTensor[], textOf: (tensor: PlannedTensor) => string) =>
    groupsOf(some, textOf).map(({ count, bytes: size, text }) => [verb, counted(count, "tensor"), bytes(size), text]);
  const rows = [
    ...rowsOf(
      "quantize",
      tensors.filter(({ decision }) => decision.quantize),
      howText,
    ),
    ...rowsOf(
      "keep",
      tensors.filter(({ decision }) => !decision.quantize),
      ({ decision }) => (decision.quantize ? "" : kindOfReason(decision.reason)),
    ),
  ];
  const indent = "  ";
  const [_, ...lines] = tableLines(groupColumns, rows, width - indent.length);
  return lines.map((line) => indent + line);
}

/** The largest first; where there are many, the small ones as one. */
function groupsOf(tensors: readonly PlannedTensor[], textOf: (tensor: PlannedTensor) => string): Group[] {
  const groups = new Map<string, Group>();
  for (const tensor of tensors) {
    const text = textOf(tensor);
    const group = groups.get(text) ?? { text, count: 0, bytes: 0 };
    group.count++;
    group.bytes += tensor.byteLength;
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

/** What is not as it was asked for. */
function noteLines(tasks: readonly Task[], width: number): string[] {
  const counts = new Map<string, number>();
  for (const note of tasks.flatMap(({ plan }) => plan.tensors.flatMap(({ notes = [] }) => notes))) {
    counts.set(note, (counts.get(note) ?? 0) + 1);
  }
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_NOTES);
  return most.flatMap(([note, count]) =>
    wrapped(`${counted(count, "tensor")}: ${note}`, width - 4).map((line, i) => (i === 0 ? "  " : "    ") + line),
  );
}

/** Of a tensor that is quantized. */
function howText({ decision, pattern }: PlannedTensor): string {
  const layout = decision.quantize ? layoutText(decision) : "";
  return pattern === undefined ? layout : `${layout}, as ${pattern}`;
}
