import { checkBalance } from "../../balance/balance-codes.js";
import { shown } from "../../core/arguments.js";
import { extentsOf } from "../../core/memory/extents.js";
import { checkRule, checkZeroPoints } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import type { Settings } from "../settings.js";
import type { OnnxWay, Wish } from "./forms/form.js";
import type { OnnxTarget } from "./target-name.js";
import { preferencesOf } from "./targets.js";
import type { Weight } from "./weights.js";

// Decides how a weight is quantized and stored, by the forms that a target prefers.

/** What is to run the model. */
export interface Runtime extends Pick<Wish, "weightType" | "convInteger" | "opset"> {
  readonly target: OnnxTarget;
}

/** @throws {RangeError} for an axis that the weight does not have. */
export function wayOf(weight: Weight, settings: Settings, { target, ...runtime }: Runtime): OnnxWay {
  const { granularity = "channel", bits = 8, zeroPoints = false, balance = false } = settings;
  const rule = checkRule("scales", settings.scales);
  checkZeroPoints(zeroPoints, rule);
  checkBalance(balance, granularity);
  const axis = checkWeightAxis(weight, settings.axis ?? weight.axis);
  const { within } = weight.place.value.scope;
  const inFunction = within && { opset: within.opset ?? 0 };
  // The bits are checked with the rules.
  const wish: Wish = { bits: bits as Bits, axis, granularity, zeroPoints, ...runtime, ...inFunction };
  const passed: string[] = [];
  for (const { form, whyNot } of preferencesOf(target)) {
    // Functions name the operator sets that they use, and every one has these operators.
    if (inFunction && form.pattern !== "Cast, Mul") continue;
    const found = form.wayOf(weight, wish);
    if (typeof found === "string") continue;
    const reason = whyNot?.(weight);
    if (reason !== undefined) {
      passed.push(reason);
      continue;
    }
    const notes = [...passed, ...found.notes, ...(weight.isInput ? ["it is no longer an input of the graph"] : [])];
    const scheme = { ...found.scheme, rule, ...(zeroPoints && { zeroPoints }), ...(balance && { balance }) };
    const way = { ...found, scheme, notes, pattern: form.pattern };
    const { codes, scales, zeroPoints: zeros } = storedBytes(way);
    return { ...way, bytesAfter: codes + scales + zeros };
  }
  throw new Error(`no form for ${target} holds ${weight.name}`); // the last form of each target stores every weight
}

/** The bytes that codes, scales and zero points take in the file. */
export function storedBytes(way: Omit<OnnxWay, "bytesAfter">) {
  const { quantizedShape, storedShape = quantizedShape, scheme, storedBits, zeroPointBytes } = way;
  const { axis, granularity, scaleType, zeroPoints } = scheme;
  const { pieces, channels } = extentsOf(quantizedShape, axis, granularity);
  const bytesOf = (count: number) => Math.ceil((count * storedBits) / 8);
  return {
    codes: bytesOf(elementsOf(storedShape)),
    scales: bytesPerElement(scaleType) * pieces * channels,
    zeroPoints: zeroPointBytes ?? (zeroPoints ? bytesOf(pieces * channels) : 0),
  };
}

function checkWeightAxis({ name, shape }: Weight, axis: number): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new RangeError(`axis of ${name} is ${shown(axis)}; it must be an integer from ${-rank} to ${rank - 1}`);
  }
  return axis < 0 ? axis + rank : axis;
}
