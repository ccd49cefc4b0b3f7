import {
  type CodeArray,
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
} from "./arguments.js";
import { NonFiniteError } from "./errors.js";
import { figuresLength, readFigures } from "./figures.js";
import type { Bindings } from "./glue.js";
import { channelErrorNames, type FloatKind, newArray, outputsFor } from "./outputs.js";
import { type Block, makePlan, type Plan, panelsOf } from "./plan.js";
import type {
  Bits,
  ChannelErrors,
  Channelwise,
  DequantizeOptions,
  QuantizedWeights,
  QuantizeOptions,
} from "./types.js";
import { type FlatWeights, flatten } from "./weights.js";

/** Makes a quantizer that works through the staging buffers of one instance of the module. */
export function createChannelwise(bindings: Bindings): Channelwise {
  const staging = {
    Float32Array: {
      weights: bindings.weightsFloat32(),
      dequantized: bindings.dequantizedFloat32(),
      scales: bindings.scalesFloat32(),
    },
    Float64Array: {
      weights: bindings.weightsFloat64(),
      dequantized: bindings.dequantizedFloat64(),
      scales: bindings.scalesFloat64(),
    },
    Int8Array: bindings.quantizedInt8(),
    Int16Array: bindings.quantizedInt16(),
  };
  const channelFigures = bindings.channelFigures();
  const totalFigures = bindings.totalFigures();
  const channelLimit = channelFigures.length / figuresLength;

  /** Everything quantize() was asked for, checked, with the arrays to fill. */
  interface Job {
    readonly weights: FloatArray;
    readonly plan: Plan;
    readonly bits: Bits;
    readonly quantized: CodeArray;
    readonly scales: FloatArray;
    readonly dequantized: FloatArray | undefined;
    readonly perChannel: ChannelErrors | undefined;
    readonly measure: boolean;
  }

  function run({ weights, plan, bits, quantized, scales, dequantized, perChannel, measure }: Job): void {
    const float64 = kindOf(weights) === "Float64Array";
    const floats = staging[float64 ? "Float64Array" : "Float32Array"];
    const codes = staging[bits > 8 ? "Int16Array" : "Int8Array"];
    const figuresOf = perChannel ? 2 : measure ? 1 : 0;
    bindings.reset();
    for (const { scale, channels, blocks } of panelsOf(plan, floats.weights.length, channelLimit)) {
      bindings.open(channels, perChannel !== undefined);
      for (const block of blocks) {
        stage(weights, block, floats.weights);
        bindings.ranges(float64, block.first, block.outer, block.channels, block.inner);
      }
      if (!bindings.scales(float64, channels, bits)) throw nonFinite(weights, plan);
      scales.set(floats.scales.subarray(0, channels), scale);
      for (const block of blocks) {
        if (blocks.length > 1) stage(weights, block, floats.weights);
        const { first, outer, inner } = block;
        bindings.quantize(float64, first, outer, block.channels, inner, bits, dequantized !== undefined, figuresOf);
        unstage(codes, block, quantized);
        if (dequantized) unstage(floats.dequantized, block, dequantized);
      }
      if (!perChannel) continue;
      bindings.close(channels);
      const count = plan.outer * plan.inner;
      for (let c = 0; c < channels; c++) {
        const figures = readFigures(channelFigures, c * figuresLength, count);
        for (const name of channelErrorNames) perChannel[name][scale + c] = figures[name];
      }
    }
  }

  function quantize(weights: unknown, options: QuantizeOptions = {}): object {
    checkNames("options", options, [
      "shape",
      "axis",
      "bits",
      "granularity",
      "errors",
      "dequantize",
      "into",
    ] satisfies (keyof QuantizeOptions)[]);
    const flat = flatten(weights);
    const { values } = flat;
    const shape = shapeOf(flat, options);
    const { errors = "total", dequantize = false, into = {} } = options;
    const { axis, granularity } = layoutOf(options, shape);
    const bits = checkBits(options.bits === undefined ? 8 : options.bits);
    if (errors !== "total" && errors !== "channel" && errors !== false) {
      throw new TypeError(`errors must be "total", "channel" or false, not ${shown(errors)}`);
    }
    checkBoolean("dequantize", dequantize);
    const plan = makePlan(shape, axis, granularity);
    const inputs = Array.isArray(weights) ? weights.filter(ArrayBuffer.isView) : [values];
    const outputs = outputsFor({
      kind: kindOf(values) as FloatKind,
      length: values.length,
      scaleCount: plan.pieces * plan.channels,
      bits,
      perChannel: errors === "channel",
      dequantize,
      into,
      inputs,
    });
    const { quantized, scales, dequantized, perChannel } = outputs;
    run({ weights: values, plan, bits, measure: errors !== false, ...outputs });
    return {
      quantized,
      scales,
      scaleShape: plan.scaleShape,
      shape,
      axis,
      bits,
      granularity,
      ...(errors !== false && readFigures(totalFigures, 0, values.length)),
      ...(perChannel && { perChannel }),
      ...(dequantized && { dequantized }),
    };
  }

  function dequantize(source: QuantizedWeights, options: DequantizeOptions = {}): FloatArray {
    checkNames("options", options, ["into"] satisfies (keyof DequantizeOptions)[]);
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
    const { axis, granularity } = layoutOf(source, shape);
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
    const output = into.dequantized ?? newArray(kind, quantized.length);

    const floats = staging[kind];
    const codes = staging[codeKind];
    for (const { scale, channels, blocks } of panelsOf(plan, floats.weights.length, channelLimit)) {
      floats.scales.set(scales.subarray(scale, scale + channels));
      for (const block of blocks) {
        stage(quantized, block, codes);
        bindings.dequantize(
          kind === "Float64Array",
          codeKind === "Int16Array",
          block.first,
          block.outer,
          block.channels,
          block.inner,
        );
        unstage(floats.dequantized, block, output);
      }
    }
    return output;
  }

  return { quantize, dequantize } as unknown as Channelwise;
}

/** Granularity and axis, checked. The axis has a meaning per channel only. */
function layoutOf(options: Pick<QuantizedWeights, "axis" | "granularity">, shape: readonly number[]) {
  const { axis = 0, granularity = "channel" } = options;
  const checked = checkGranularity(granularity, shape);
  return { granularity: checked, axis: checked === "channel" ? checkAxis("axis", axis, shape.length) : undefined };
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

/** Copies a block's rows into the staging buffer. */
function stage<A extends FloatArray | CodeArray>(
  from: A,
  { outer, offset, stride, channels, inner }: Block,
  staging: A,
) {
  const row = channels * inner;
  if (row === stride) {
    staging.set(from.subarray(offset, offset + outer * row));
    return;
  }
  for (let o = 0; o < outer; o++) {
    const at = offset + o * stride;
    staging.set(from.subarray(at, at + row), o * row);
  }
}

/** Copies a block's rows out of the staging buffer. */
function unstage<A extends FloatArray | CodeArray>(
  staging: A,
  { outer, offset, stride, channels, inner }: Block,
  to: A,
) {
  const row = channels * inner;
  if (row === stride) {
    to.set(staging.subarray(0, outer * row), offset);
    return;
  }
  for (let o = 0; o < outer; o++) to.set(staging.subarray(o * row, (o + 1) * row), offset + o * stride);
}

/** Says which weight is not finite, having been told that one is. */
function nonFinite(weights: FloatArray, { outer, channels, inner }: Plan): NonFiniteError {
  const index = weights.findIndex((weight) => !Number.isFinite(weight));
  const piece = Math.floor(index / (outer * channels * inner));
  const channel = Math.floor(index / inner) % channels;
  return new NonFiniteError(index, piece * channels + channel, weights[index] as number);
}
