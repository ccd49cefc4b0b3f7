import { dirname } from "node:path";
import { bytes, counted, layoutText, shapeText } from "./format.js";
import type { Task } from "./job.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** Shows what will be done, in a few lines: tensors that are treated alike are counted. */
export function showPlan(stream: Stream, tasks: readonly Task[]): void {
  if (tasks.length === 0) return;
  const target = `to ${targetOf(tasks)}  ${bytes(sumOf(tasks, "bytesAfter"))}`;
  stream.write(`${[titleOf(stream, tasks), ...groupLines(tasks, widthOf(stream)), target].join("\n")}\n\n`);
}

/** Shows what would become of every tensor. */
export function showDecisions(stream: Stream, tasks: readonly Task[]): void {
  for (const task of tasks) {
    const rows = task.plan.tensors.map(({ name, shape, dtype, decision }) => [
      name,
      shapeText(shape),
      dtype,
      decision.quantize ? layoutText(decision) : `kept: ${decision.reason}`,
    ]);
    const [titles, ...lines] = tableLines(decisionColumns, rows, widthOf(stream));
    const target = `would be written to ${task.output}  ${bytes(task.plan.bytesAfter)}`;
    stream.write(`${[titleOf(stream, [task]), styled(stream, "dim", titles), ...lines, target].join("\n")}\n\n`);
  }
}

const decisionColumns: readonly Column[] = [
  { title: "tensor", flexible: true },
  { title: "shape" },
  { title: "dtype" },
  { title: "becomes" },
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

const groupColumns: readonly Column[] = [
  { title: "" },
  { title: "", number: true },
  { title: "", number: true },
  { title: "", flexible: true },
];

/** How many tensors are treated in which way: those that are quantized first, then by size. */
export function groupLines(tasks: readonly Pick<Task, "plan">[], width: number): string[] {
  const groups = new Map<string, { quantize: boolean; text: string; count: number; bytes: number }>();
  for (const { decision, byteLength } of tasks.flatMap(({ plan }) => plan.tensors)) {
    const { quantize } = decision;
    const text = quantize ? layoutText(decision) : kindOfReason(decision.reason);
    const key = `${quantize} ${text}`;
    const group = groups.get(key) ?? { quantize, text, count: 0, bytes: 0 };
    group.count++;
    group.bytes += byteLength;
    groups.set(key, group);
  }
  const rows = [...groups.values()]
    .sort((a, b) => Number(b.quantize) - Number(a.quantize) || b.bytes - a.bytes)
    .map(({ quantize, text, count, bytes: size }) => [
      quantize ? "quantize" : "keep",
      counted(count, "tensor"),
      bytes(size),
      text,
    ]);
  const indent = "  ";
  const [_, ...lines] = tableLines(groupColumns, rows, width - indent.length);
  return lines.map((line) => indent + line);
}

/** "small: 96 elements" and "small: 12 elements" are one kind. */
function kindOfReason(reason: string): string {
  return reason.replace(/: \d+ elements$/, "");
}
