import type { RecallReport, RecallSetting } from "channelwise/recall";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

/** "int8", "int4, group, 10 x rescored", "int8, ranges, sentence-transformers" */
export function settingText({ precision = "int8", scaling, profile, rescore }: RecallSetting): string {
  return [precision, typeof scaling === "object" ? "ranges" : scaling, profile, rescore && `${rescore} x rescored`]
    .filter((part) => part !== undefined)
    .join(", ");
}

/** What settings cost, beside the bytes of float32. */
export function tellRecall(stream: Stream, reports: readonly RecallReport[], dimensions: number): void {
  const ks = Object.keys(reports[0].recall);
  const columns: Column[] = [
    { title: "setting", shorten: "end" },
    { title: "bytes", number: true },
    ...ks.map((k) => ({ title: `recall@${k}`, number: true })),
  ];
  const rows = reports.map(({ setting, bytesPerVector, recall }) => [
    settingText(setting),
    String(bytesPerVector),
    ...ks.map((k) => recall[Number(k)].toFixed(3)),
  ]);
  const float = ["float32", String(4 * dimensions), ...ks.map(() => "1.000")];
  const [titles, ...lines] = tableLines(columns, [float, ...rows], widthOf(stream));
  stream.write(`${styled(stream, "bold", titles)}\n${lines.join("\n")}\n`);
}
