import type { Decision } from "channelwise/files";
import { bytes, counted } from "./format.js";
import type { Plan } from "./job.js";
import { type Column, tableLines } from "./table.js";

/** How a tensor is quantized: "8 bits, a scale for each channel of axis 0". */
export function howText({ bits, axis, granularity }: Extract<Decision, { quantize: true }>): string {
  const shared =
    granularity === "channel"
      ? `a scale for each channel of axis ${axis}`
      : granularity === "tensor"
        ? "one scale for all"
        : `a scale for each ${granularity.group} along axis ${granularity.along}`;
  return `${bits} bits, ${shared}`;
}

const groupColumns: readonly Column[] = [
  { title: "" },
  { title: "", number: true },
  { title: "", number: true },
  { title: "", flexible: true },
];

/** What will be done, in a few lines: tensors that are treated alike are counted. */
export function planLines(plans: readonly Plan[], width: number): string[] {
  const groups = new Map<string, { quantize: boolean; text: string; count: number; bytes: number }>();
  for (const { info, decision } of plans.flatMap(({ tensors }) => tensors)) {
    const text = decision.quantize ? howText(decision) : kindOfReason(decision.reason);
    const key = `${decision.quantize} ${text}`;
    const group = groups.get(key) ?? { quantize: decision.quantize, text, count: 0, bytes: 0 };
    group.count++;
    group.bytes += info.byteLength;
    groups.set(key, group);
  }
  const rows = [...groups.values()]
    .sort((a, b) => Number(b.quantize) - Number(a.quantize) || b.bytes - a.bytes)
    .map((group) => [
      group.quantize ? "quantize" : "keep",
      counted(group.count, "tensor"),
      bytes(group.bytes),
      group.text,
    ]);
  return tableLines(groupColumns, rows, width - 2)
    .slice(1)
    .map((line) => `  ${line}`);
}

/** "small: 96 elements" and "small: 12 elements" are one kind. */
function kindOfReason(reason: string): string {
  return reason.replace(/^(small): .*/, "$1");
}
