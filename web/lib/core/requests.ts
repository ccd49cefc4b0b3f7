import { checkApart, type Named } from "./apart.js";
import {
  checkBoolean,
  checkDimensions,
  checkInteger,
  checkNames,
  checkSize,
  copyGranularity,
  exactly,
  type FloatArray,
  kindOf,
  shown,
  type WeightArray,
} from "./arguments.js";
import type { Dtype } from "./dtype.js";
import type { FiguresOf } from "./engine.js";
import { NonFiniteError } from "./errors.js";
import { type Extents, extentsOf } from "./memory/extents.js";
import { type Packing, packedLength } from "./memory/packing.js";
import { exactView, newArray, outputsFor, takeInto, viewOf } from "./outputs.js";
import { checkSharing, type SchemeOptions, schemeOf } from "./scheme.js";
import type { DequantizeOptions, QuantizedWeights, QuantizeOptions, TotalErrors } from "./types.js";
import { checkWeights, type FlatWeights, firstNonFinite, takeWeights } from "./weights.js";

export const quantizeNames = [
  "shape",
  "dtype",
  "axis",
  "bits",
  "scales",
  "zeroPoints",
  "granularity",
  "errors",
  "dequantize",
  "packed",
  "into",
] satisfies (keyof QuantizeOptions)[];

export const dequantizeNames = ["into"] satisfies (keyof DequantizeOptions)[];

export type QuantizeRequest = ReturnType<typeof checkQuantize>;

/**
 * The checked arguments of quantize(), with the arrays to fill.
 * @param names the names of the options
 */
export function checkQuantize(weights: unknown, options: QuantizeOptions, names: readonly string[] = quantizeNames) {
  // First comes everything that may run code of the caller, such as getters and proxies, each once: it may change
  // options and arrays.
  checkNames("options", options, names);
  const { shape: dimensions, dtype: half, axis, bits, scales: rule, granularity, errors = "total" } = options;
  const { dequantize = false, packed = false, into = {}, zeroPoints: wanted } = options;
  const schemeOptions = {
    axis,
    bits,
    scales: rule,
    zeroPoints: wanted,
    granularity: copyGranularity(granularity),
  } as SchemeOptions;
  const asked = dimensions === undefined ? undefined : checkDimensions(dimensions);
  const arrays = takeInto(into);
  const given = takeWeights(weights, half);
  // From here on no such code runs, so checked values stay valid.
  const flat = checkWeights(given);
  const { values, rows, dtype, length } = flat;
  const shape = shapeOf(flat, asked, schemeOptions.granularity);
  const scheme = schemeOf(schemeOptions, shape);
  checkErrors(errors);
  checkBoolean("dequantize", dequantize);
  checkBoolean("packed", packed);
  const packing = packed ? packingOf(scheme.bits) : undefined;
  const extents = extentsOf(shape, scheme.axis, scheme.granularity);
  const { quantized, scales, zeroPoints, dequantized, perChannel, views } = outputsFor({
    kind: dtype === "float64" ? "Float64Array" : "Float32Array",
    length,
    scaleCount: extents.pieces * extents.channels,
    scheme,
    packed,
    perChannel: errors === "channel",
    dequantize,
    into: arrays,
    inputs: rows ? rows.map((row) => ["weights", row]) : [["weights", values as WeightArray]],
  });
  // Properties are named, because spreading objects into one took longer than the arithmetic of 64 x 64 weights.
  return {
    values,
    rows,
    dtype,
    length,
    extents,
    shape,
    scheme,
    errors,
    packing,
    quantized,
    scales,
    zeroPoints,
    dequantized,
    perChannel,
    into: arrays,
    views,
  };
}

/** The result of quantize(), once its arrays are filled. */
export function quantizeResult(request: QuantizeRequest, totals: TotalErrors | undefined): object {
  const { into, extents, shape, scheme } = request;
  const { quantized = request.quantized, scales = request.scales } = into;
  const { perChannel = request.perChannel, dequantized = request.dequantized } = into;
  const { zeroPoints = request.zeroPoints } = into;
  const { scaleShape } = extents;
  const { bits, rule, axis, granularity } = scheme;
  const result: Record<string, unknown> = { quantized, scales, scaleShape, shape, axis, bits, rule, granularity };
  if (totals) Object.assign(result, totals);
  if (zeroPoints) result.zeroPoints = zeroPoints;
  if (perChannel) result.perChannel = perChannel;
  if (dequantized) result.dequantized = dequantized;
  return result;
}

/** The checked arguments of dequantize(), with the array to fill and the one to return. */
export function checkDequantize(
  source: QuantizedWeights,
  options: DequantizeOptions,
  names: readonly string[] = dequantizeNames,
) {
  if (typeof source !== "object" || source === null || ArrayBuffer.isView(source) || Array.isArray(source)) {
    throw new TypeError(
      `dequantize takes a result of quantize, or { quantized, scales, shape, axis, granularity }, not ${shown(source)}`,
    );
  }
  checkNames("options", options, names);
  // Everything that may run code of the caller comes first, as in checkQuantize.
  const { quantized, scales, zeroPoints: zeros, shape: dimensions, axis, granularity, bits } = source;
  const { into = {} } = options;
  checkNames("into", into, ["dequantized"]);
  const { dequantized: given } = into;
  const codeKind = kindOf(quantized);
  if (codeKind !== "Int8Array" && codeKind !== "Int16Array" && codeKind !== "Uint8Array") {
    throw new TypeError(
      `quantized must be an Int8Array, an Int16Array or a Uint8Array of packed codes, not ${shown(quantized)}`,
    );
  }
  const kind = kindOf(scales);
  if (kind !== "Float32Array" && kind !== "Float64Array") {
    throw new TypeError(`scales must be a Float32Array or a Float64Array, not ${shown(scales)}`);
  }
  const sharing = { axis, granularity: copyGranularity(granularity) };
  const shape = checkDimensions(dimensions);
  // From here on no such code runs.
  const codes = viewOf("quantized", codeKind, quantized);
  if (codeKind === "Uint8Array" && bits === undefined) {
    throw new TypeError("quantized is a Uint8Array; bits must say how many a packed code has");
  }
  const packing = codeKind === "Uint8Array" ? packingOf(bits) : undefined;
  const length = packing ? checkPackedSize(shape, codes.length, packing) : codes.length;
  checkSize(shape, length);
  const checked = checkSharing(sharing, shape);
  const extents = extentsOf(shape, checked.axis, checked.granularity);
  const factors = exactView("scales", kind, scales, extents.pieces * extents.channels);
  const zeroPoints =
    zeros === undefined
      ? undefined
      : exactView("zeroPoints", codeKind === "Int16Array" ? codeKind : "Int8Array", zeros, factors.length);
  const views: Named[] = [];
  if (given !== undefined) {
    views.push(["into.dequantized", exactView("into.dequantized", kind, given, length)]);
    checkApart(views, [
      ["quantized", codes],
      ["scales", factors],
      ["zeroPoints", zeroPoints ?? factors],
    ]);
  }
  const dequantized = (views[0]?.[1] ?? newArray(kind, length)) as FloatArray;
  const float64 = kind === "Float64Array";
  return {
    quantized: codes,
    packing,
    scales: factors,
    zeroPoints,
    extents,
    float64,
    dequantized,
    result: given ?? dequantized,
    views,
  };
}

/** The packing of codes of `bits` bits in memory. */
function packingOf(bits: unknown): Packing {
  return { bits: checkInteger("bits of packed codes", bits, 2, 8), offset: false };
}

/** Returns the number of codes, and checks that they take as many bytes. */
function checkPackedSize(shape: readonly number[], bytes: number, { bits }: Packing): number {
  const size = shape.reduce((a, b) => a * b, 1);
  const needed = packedLength(size, bits);
  if (bytes !== needed) {
    throw new RangeError(
      `quantized has ${bytes} bytes; codes of ${bits} bits of shape [${shape.join(", ")}] take ${exactly(needed)}`,
    );
  }
  return size;
}

export function checkErrors(errors: unknown): void {
  if (errors !== "total" && errors !== "channel" && errors !== false) {
    throw new TypeError(`errors must be "total", "channel" or false, not ${shown(errors)}`);
  }
}

/** The weights that share error figures, for the engine. */
export function figuresOf(errors: "total" | "channel" | false): FiguresOf {
  if (errors === "channel") return "channels";
  return errors === "total" ? "all" : "nothing";
}

/** The given shape, or that of the nested arrays. With one scale for all, the length of the array suffices. */
function shapeOf(
  { values, length, shape: inferred }: FlatWeights,
  shape: number[] | undefined,
  granularity: unknown,
): number[] {
  if (shape !== undefined) {
    checkSize(shape, length);
    if (inferred && (shape.length !== 2 || shape[0] !== inferred[0])) {
      throw new RangeError(`shape is [${shape.join(", ")}], but the rows given make [${inferred.join(", ")}]`);
    }
    return shape;
  }
  if (inferred) return [...inferred];
  if (granularity === "tensor") return [length];
  throw new TypeError(`shape is needed with a ${kindOf(values)} unless granularity is "tensor"`);
}

/**
 * The error for the first weight that is not finite.
 * @param start the index of the first of the values among the weights
 */
export function nonFiniteError(
  values: WeightArray,
  dtype: Dtype,
  extents: Extents,
  start = 0,
): NonFiniteError | undefined {
  const { outer, channels, inner } = extents;
  const found = firstNonFinite(values, dtype);
  if (!found) return undefined;
  const index = start + found.index;
  const piece = Math.floor(index / (outer * channels * inner));
  const channel = Math.floor(index / inner) % channels;
  return new NonFiniteError(index, piece * channels + channel, found.value);
}
