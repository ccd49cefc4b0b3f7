import type { FormatName, Rules as LibraryRules, Override, Settings, TargetOptions } from "channelwise/models";
import type { Form, Rules, Setting } from "../protocol.js";
import { groupAxis, isOnnxTarget } from "../settings.js";

// What is chosen on the page, as the library takes it.

export function settingsOf(
  { bits, rule: scales, zeroPoints, granularity, axis }: Setting,
  format: FormatName,
): Settings {
  const shared = { bits, scales, zeroPoints: zeroPoints === true };
  const given = axis !== undefined && { axis };
  if (typeof granularity !== "number") return { ...shared, granularity, ...given };
  if (format === "onnx") return { ...shared, granularity: { group: granularity }, ...given };
  return { ...shared, granularity: { group: granularity, along: axis ?? groupAxis(format) } };
}

export function targetOf({ target, opset }: Form): TargetOptions {
  return isOnnxTarget(target) ? { target, ...(opset !== undefined && { opset }) } : { dialect: target };
}

/** The choices for single tensors, by their places. */
export function ownOf({ own }: Rules, format: FormatName): Map<number, Override> {
  return new Map(
    [...own].map(([place, setting]) => [place, setting === "keep" ? { keep: true } : settingsOf(setting, format)]),
  );
}

export function rulesOf(rules: Rules, format: FormatName): LibraryRules {
  return { ...targetOf(rules), ...settingsOf(rules.all, format), tensors: ownOf(rules, format) };
}
