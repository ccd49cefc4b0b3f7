import {
  checkApart,
  checkArray,
  checkAttached,
  checkAxis,
  checkBits,
  checkBoolean,
  checkGranularity,
  checkNames,
  checkShape,
  type FloatArray,
  kindOf,
  shown,
  type WeightArray,
} from "./arguments.js";
import type { FiguresOf } from "./engine.js";
import { NonFiniteError } from "./errors.js";
import { newArray, outputsFor } from "./outputs.js";
import { type Layout, makePlan } from "./plan.js";
import type { Bits, DequantizeOptions, QuantizedWeights, QuantizeOptions, TotalErrors } from "./types.js";
import { type Dtype, type FlatWeights, firstNonFinite, flatten } from "./weights.js";

export const quantizeNames = [
  "shape",
  "dtype",
  "axis",
  "bits",
  "granularity",
  "errors",
  "dequantize",
  "into",
] satisfies (keyof QuantizeOptions)[];

export const dequantizeNames = ["into"] satisfies (keyof DequantizeOptions)[];

export type QuantizeRequest = ReturnType<typeof checkQuantize>;

/**
 * Everything quantize() was asked for, checked, with the arrays to fill.
 * @param names of the options that there are
 */
export function checkQuantize(weights: unknown, options: QuantizeOptions, names: readonly string[] = quantizeNames) {
  checkNames("options", options, names);
  const { errors = "total", dequantize = false, into = {}, bits = 8 } = options;
  const flat = flatten(weights, options.dtype);
  const { values, rows, dtype, length } = flat;
  const shape = shapeOf(flat, options);
  const { axis, granularity } = checkLayout(options, shape);
  checkBits(bits);
  checkErrors(errors);
  checkBoolean("dequantize", dequantize);
  const plan = makePlan(shape, axis, granularity);
  const inputs: readonly unknown[] = Array.isArray(weights) ? weights : [weights];
  const outputs = outputsFor({
    kind: dtype === "float64" ? "Float64Array" : "Float32Array",
    length,
    scaleCount: plan.pieces * plan.channels,
    bits: bits as Bits,
    perChannel: errors === "channel",
    dequantize,
    into,
    inputs: inputs.filter(ArrayBuffer.isView).map((row) => ["weights", row]),
  });
  const { quantized, scales, dequantized, perChannel } = outputs;
  // By name: spreading objects into one took longer than the arithmetic of 64 x 64 weights.
  return {
    values,
    rows,
    dtype,
    length,
    plan,
    shape,
    axis,
    granularity,
    bits: bits as Bits,
    errors,
    quantized,
    scales,
    dequantized,
    perChannel,
  };
}

/** What quantize() returns, its arrays being filled. */
export function quantizeResult(request: QuantizeRequest, totals: TotalErrors | undefined): object {
  const { quantized, scales, plan, shape, axis, bits, granularity, perChannel, dequantized } = request;
  const { scaleShape } = plan;
  const result: Record<string, unknown> = { quantized, scales, scaleShape, shape, axis, bits, granularity, ...totals };
  if (perChannel) result.perChannel = perChannel;
  if (dequantized) result.dequantized = dequantized;
  return result;
}

/** Everything dequantize() was asked for, checked, with the array to fill. */
export function checkDequantize(
  source: QuantizedWeights,
  options: DequantizeOptions,
  names: readonly string[] = dequantizeNames,
) {
  checkNames("options", options, names);
  if (typeof source !== "object" || source === null) {
    throw new TypeError(`dequantize needs { quantized, scales, shape, axis, granularity }, not ${shown(source)}`);
  }
  const { quantized, scales } = source;
  const codeKind = kindOf(quantized);
  if (codeKind !== "Int8Array" && codeKind !== "Int16Array") {
    throw new TypeError(`quantized must be an Int8Array or an Int16Array, not ${shown(quantized)}`);
  }
  const kind = kindOf(scales);
  if (kind !== "Float32Array" && kind !== "Float64Array") {
    throw new TypeError(`scales must be a Float32Array or a Float64Array, not ${shown(scales)}`);
  }
  checkAttached("quantized", quantized);
  const shape = checkShape(source.shape, quantized.length);
  const { axis, granularity } = checkLayout(source, shape);
  const plan = makePlan(shape, axis, granularity);
  checkArray("scales", scales, kind, plan.pieces * plan.channels);
  const { into = {} } = options;
  checkNames("into", into, ["dequantized"]);
  const given = into.dequantized;
  if (given !== undefined) {
    checkArray("into.dequantized", given, kind, quantized.length);
    checkApart("into.dequantized", given, [
      ["quantized", quantized],
      ["scales", scales],
    ]);
  }
  const dequantized: FloatArray = given ?? newArray(kind, quantized.length);
  return { quantized, scales, plan, float64: kind === "Float64Array", dequantized };
}

/** Granularity and axis, checked. The axis has a meaning per channel only. */
export function checkLayout(options: Pick<QuantizedWeights, "axis" | "granularity">, shape: readonly number[]) {
  const { axis = 0, granularity = "channel" } = options;
  const checked = checkGranularity(granularity, shape);
  return { granularity: checked, axis: checked === "channel" ? checkAxis("axis", axis, shape.length) : undefined };
}

export function checkErrors(errors: unknown): void {
  if (errors !== "total" && errors !== "channel" && errors !== false) {
    throw new TypeError(`errors must be "total", "channel" or false, not ${shown(errors)}`);
  }
}

/** What error figures are made of, for the engine. */
export function figuresOf(errors: "total" | "channel" | false): FiguresOf {
  if (errors === "channel") return 2;
  return errors === "total" ? 1 : 0;
}

/** The shape that was asked for, or that the nesting gives; with one scale for all, the length of the array will do. */
function shapeOf({ values, length, shape: inferred }: FlatWeights, { shape, granularity }: QuantizeOptions): number[] {
  if (shape !== undefined) {
    const checked = checkShape(shape, length);
    if (inferred && (checked.length !== 2 || checked[0] !== inferred[0])) {
      throw new RangeError(`shape is [${checked.join(", ")}], but the rows given make [${inferred.join(", ")}]`);
    }
    return checked;
  }
  if (inferred) return [...inferred];
  if (granularity === "tensor") return [length];
  throw new TypeError(`shape is needed with a ${kindOf(values)}, unless the granularity is "tensor"`);
}

/**
 * The error for the first weight that is not finite.
 * @param start place of the first of the values among the weights
 */
export function nonFiniteError(
  values: WeightArray,
  dtype: Dtype,
  layout: Layout,
  start = 0,
): NonFiniteError | undefined {
  const { outer, channels, inner } = layout;
  const found = firstNonFinite(values, dtype);
  if (!found) return undefined;
  const index = start + found.index;
  const piece = Math.floor(index / (outer * channels * inner));
  const channel = Math.floor(index / inner) % channels;
  return new NonFiniteError(index, piece * channels + channel, found.value);
}
