import { keptFloats } from "channelwise/models";
import { bytes, counted } from "./format.js";
import type { Job } from "./job.js";
import { type Column, tableLines } from "./table.js";

/** More reasons would hide the important ones. */
const MOST_REASONS = 5;

const columns: readonly Column[] = [
  { title: "", number: true },
  { title: "", number: true },
  { title: "", shorten: "end" },
];

/** The lines on the share of the bytes of tensors that stays floats, and why; none where all are quantized. */
export function keptFloatsLines(jobs: readonly Job[], width: number): string[] {
  const { byteLength, share, reasons } = keptFloats(jobs.map(({ plan }) => plan));
  if (byteLength === 0) return [];
  const decisions = jobs.flatMap(({ plan }) => plan.decisions);
  const all = decisions.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const shown = reasons.length > MOST_REASONS ? reasons.slice(0, MOST_REASONS - 1) : reasons;
  const others = reasons.slice(shown.length);
  const sum = (key: "tensors" | "byteLength") => others.reduce((total, each) => total + each[key], 0);
  const rest = { reason: "for other reasons", tensors: sum("tensors"), byteLength: sum("byteLength") };
  const rows = [...shown, ...(others.length > 0 ? [rest] : [])].map((each) => [
    bytes(each.byteLength),
    counted(each.tensors, "tensor"),
    each.reason,
  ]);
  const indent = "  ";
  const [_, ...lines] = tableLines(columns, rows, width - indent.length);
  const percent = share < 0.0005 ? "Less than 0.1" : (100 * share).toFixed(1);
  return [
    `${percent} % of the bytes stay floats: ${bytes(byteLength)} of ${bytes(all)}`,
    ...lines.map((line) => indent + line),
  ];
}
