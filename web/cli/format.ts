// Numbers and settings as they are printed.

import { type Plan, printable, type Scheme, scaleRules } from "channelwise/models";

const grouped = new Intl.NumberFormat("en");

/** "1 tensor", "1,024 tensors". */
export function counted(value: number, noun: string): string {
  return `${grouped.format(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A size with three digits or more: "812 B", "4.10 KB", "45.1 MB". */
export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const decimals = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(decimals)} ${units[unit]}`;
}

/** A duration such as "0:07", "12:34", "1:02:03". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function decibels(sqnr: number): string {
  return sqnr === Infinity ? "exact" : `${sqnr.toFixed(2)} dB`;
}

/** An error, in units of the weights. */
export function magnitude(value: number): string {
  return value === 0 ? "0" : value.toPrecision(3);
}

export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? "scalar" : shape.join(" x ");
}

/** "8 bits per channel, axis 0" */
export function layoutText({ bits, rule, zeroPoints, balance, axis, granularity }: Scheme): string {
  const byRule = rule === undefined || rule === scaleRules[0] ? "" : `, scales by ${rule}`;
  const scales = `${byRule}${zeroPoints ? ", with zero points" : ""}${balance ? ", balanced" : ""}`;
  if (granularity === "tensor") return `${bits} bits per tensor${scales}`;
  if (granularity === "channel") return `${bits} bits per channel, axis ${axis}${scales}`;
  return `${bits} bits in groups of ${granularity.group}, axis ${granularity.along}${scales}`;
}

/** The text shortened in the middle, since names differ at their beginnings and ends. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.ceil((width - 1) / 2);
  return `${text.slice(0, width - 1 - end)}…${text.slice(text.length - end)}`;
}

/** The text without its end, if it is too long. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** A longer sentence contains a name that fills the screen, or several. */
const MOST_OF_SENTENCE = 2000;

/** A sentence in one line, whatever names it contains. */
export function oneLine(sentence: string): string {
  return printable(shortened(sentence, MOST_OF_SENTENCE));
}

/** Wraps words into lines of `width` columns. */
export function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

/** The format, such as "safetensors" or "onnx, opset 17". */
export function formatText({ model }: Pick<Plan, "model">): string {
  return model.opset === undefined ? model.format : `${model.format}, opset ${model.opset}`;
}
