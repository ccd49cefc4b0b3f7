import {
  checkApart,
  checkArray,
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
import type { DequantizeOptions, QuantizedWeights, QuantizeOptions, TotalErrors } from "./types.js";
import { type Dtype, type FlatWeights, firstNonFinite, flatten } from "./weights.js";

const quantizeOptionNames = [
  "shape",
  "dtype",
  "axis",
  "bits",
  "granularity",
  "errors",
  "dequantize",
  "into",
] satisfies (keyof QuantizeOptions)[];

export type QuantizeRequest = ReturnType<typeof checkQuantize>;

/**
 * Everything quantize() was asked for, checked, with the arrays to fill.
 * @param more names of options that the caller looks after
 */
export function checkQuantize(weights: unknown, options: QuantizeOptions, more: readonly string[] = []) {
  checkNames("options", options, [...quantizeOptionNames, ...more]);
  const flat = flatten(weights, options.dtype);
  const { values, dtype } = flat;
  const shape = shapeOf(flat, options);
  const { errors = "total", dequantize = false, into = {} } = options;
  const layout = checkLayout(options, shape);
  const bits = checkBits(options.bits === undefined ? 8 : options.bits);
  checkErrors(errors);
  checkBoolean("dequantize", dequantize);
  const plan = makePlan(shape, layout.axis, layout.granularity);
  const outputs = outputsFor({
    kind: dtype === "float64" ? "Float64Array" : "Float32Array",
    length: values.length,
    scaleCount: plan.pieces * plan.channels,
    bits,
    perChannel: errors === "channel",
    dequantize,
    into,
    inputs: Array.isArray(weights) ? weights.filter(ArrayBuffer.isView) : [values],
  });
  return { values, dtype, plan, shape, ...layout, bits, errors, ...outputs };
}

/** What quantize() returns, its arrays being filled. */
export function quantizeResult(request: QuantizeRequest, totals: TotalErrors | undefined): object {
  const { quantized, scales, plan, shape, axis, bits, granularity, perChannel, dequantized } = request;
  return {
    quantized,
    scales,
    scaleShape: plan.scaleShape,
    shape,
    axis,
    bits,
    granularity,
    ...totals,
    ...(perChannel && { perChannel }),
    ...(dequantized && { dequantized }),
  };
}

/** Everything dequantize() was asked for, checked, with the array to fill. */
export function checkDequantize(source: QuantizedWeights, options: DequantizeOptions, more: readonly string[] = []) {
  checkNames("options", options, ["into", ...more]);
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
  checkArray("quantized", quantized, codeKind, quantized.length);
  const shape = checkShape(source.shape, quantized.length);
  const { axis, granularity } = checkLayout(source, shape);
  const plan = makePlan(shape, axis, granularity);
  checkArray("scales", scales, kind, plan.pieces * plan.channels);
  const { into = {} } = options;
  checkNames("into", into, ["dequantized"]);
  if (into.dequantized !== undefined) checkArray("into.dequantized", into.dequantized, kind, quantized.length);
  checkApart(
    [["into.dequantized", into.dequantized]],
    [
      ["quantized", quantized],
      ["scales", scales],
    ],
  );
  const dequantized: FloatArray = into.dequantized ?? newArray(kind, quantized.length);
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

/** The shape asked for, or what the nesting gives, or for one scale for all the array's own length. */
function shapeOf({ values, shape: inferred }: FlatWeights, { shape, granularity }: QuantizeOptions): number[] {
  if (shape !== undefined) {
    const checked = checkShape(shape, values.length);
    if (inferred && (checked.length !== 2 || checked[0] !== inferred[0])) {
      throw new RangeError(`shape is [${checked.join(", ")}], but the rows given make [${inferred.join(", ")}]`);
    }
    return checked;
  }
  if (inferred) return [...inferred];
  if (granularity === "tensor") return [values.length];
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
