import { shown } from "../../core/arguments.js";
import { extentsOf } from "../../core/memory/extents.js";
import { checkRule } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import type { Settings } from "../settings.js";
import type { FormWay, OnnxWay, Wish } from "./forms/form.js";
import type { OnnxTarget } from "./target-name.js";
import { preferencesOf } from "./targets.js";
import type { Weight } from "./weights.js";

// Decides how a weight is quantized and stored, by the forms that a target prefers.

/** @throws {RangeError} for an axis that the weight does not have. */
export function wayOf(weight: Weight, settings: Settings, target: OnnxTarget, opset: number): OnnxWay {
  const { granularity = "channel", bits = 8 } = settings;
  const axis = checkWeightAxis(weight, settings.axis ?? weight.axis);
  const wish: Wish = { bits: bits as Bits, axis, granularity, opset }; // checked with the rules
  for (const { form } of preferencesOf(target)) {
    const found = form.wayOf(weight, wish);
    if (typeof found === "string") continue;
    const { zeroPointBytes = 0, ...way } = found;
    const { codes, scales } = storedBytes(way);
    const notes = weight.isInput ? [...way.notes, "it is no longer an input of the graph"] : way.notes;
    const scheme = { ...way.scheme, rule: checkRule("scales", settings.scales) };
    return { ...way, scheme, notes, pattern: form.pattern, bytesAfter: codes + scales + zeroPointBytes };
  }
  throw new Error(`no form for ${target} holds ${weight.name}`); // the last form of each target stores every weight
}

/** The bytes that codes and scales take in the file. */
export function storedBytes({ quantizedShape, scheme, storedBits }: FormWay): { codes: number; scales: number } {
  const { axis, granularity, scaleType } = scheme;
  const { pieces, channels } = extentsOf(quantizedShape, axis, granularity);
  const codes = Math.ceil((elementsOf(quantizedShape) * storedBits) / 8);
  return { codes, scales: bytesPerElement(scaleType) * pieces * channels };
}

function checkWeightAxis({ name, shape }: Weight, axis: number): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new RangeError(`axis of ${name} is ${shown(axis)}; it must be an integer from ${-rank} to ${rank - 1}`);
  }
  return axis < 0 ? axis + rank : axis;
}
