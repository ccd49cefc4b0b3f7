import { load } from "channelwise";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import { onnxModel, onnxType } from "./onnx-model.js";
import { randomPatterns, ties, uniform } from "./random.js";
import { channels, type Layout } from "./reference.js";
import { expectSameBits } from "./same-bits.js";

env.wasm.numThreads = 1;

const channelwise = await load();

type Integers = Int8Array | Int16Array;

interface Job {
  readonly weights: Float32Array;
  readonly shape: readonly number[];
  readonly scales: Float32Array;
  readonly scaleShape: readonly number[];
  readonly codes: "int8" | "int16";
  /** The attributes of the node: the axis, and with groups the block size. */
  readonly attributes: Readonly<Record<string, number>>;
}

/** QuantizeLinear with zero points of 0, followed by DequantizeLinear. */
async function quantizeLinear({ weights, shape, scales, scaleShape, codes, attributes }: Job) {
  const rank = shape.length;
  const model = onnxModel({
    opset: 21, // the first opset with int16 and blocks
    nodes: [
      { operator: "QuantizeLinear", inputs: ["w", "scale", "zero"], output: "q", integers: attributes },
      { operator: "DequantizeLinear", inputs: ["q", "scale", "zero"], output: "d", integers: attributes },
    ],
    inputs: [
      { name: "w", type: onnxType.float32, rank },
      { name: "scale", type: onnxType.float32, rank: scaleShape.length },
      { name: "zero", type: onnxType[codes], rank: scaleShape.length },
    ],
    outputs: [
      { name: "q", type: onnxType[codes], rank },
      { name: "d", type: onnxType.float32, rank },
    ],
  });
  const session = await InferenceSession.create(model, { graphOptimizationLevel: "disabled" });
  const zero = codes === "int8" ? new Int8Array(scales.length) : new Int16Array(scales.length);
  const { q, d } = await session.run({
    w: new Tensor("float32", weights, shape),
    scale: new Tensor("float32", scales, scaleShape),
    zero: new Tensor(codes, zero as Int8Array, scaleShape),
  });
  await session.release();
  return { quantized: q.data as Integers, dequantized: d.data as Float32Array };
}

/** y_scale = A / qmax in float32. */
function scalesOf(weights: Float32Array, channelOf: (index: number) => number, count: number, qmax: number) {
  const scales = new Float32Array(count);
  weights.forEach((weight, i) => {
    scales[channelOf(i)] = Math.max(scales[channelOf(i)], Math.abs(weight));
  });
  return scales.map((largest) => largest / qmax);
}

/** Puts weights in the order of channels at their places in the tensor. */
function scatter(byChannel: Float32Array, channelOf: (index: number) => number, count: number): Float32Array {
  const each = byChannel.length / count;
  const next = Array.from({ length: count }, (_, channel) => channel * each);
  return byChannel.map((_, i) => byChannel[next[channelOf(i)]++]);
}

const [rows, columns] = [96, 257];
const group = 32;
const size = rows * columns;

/** The layouts of both libraries. */
const layouts: [string, Layout & { shape: number[] }, Record<string, number>][] = [
  ["axis 0", { shape: [rows, columns], axis: 0 }, { axis: 0 }],
  ["the last axis", { shape: [rows, columns], axis: -1 }, { axis: 1 }],
  ["a middle axis", { shape: [8, columns, 12], axis: 1 }, { axis: 1 }],
  ["one scale for all", { shape: [rows, columns], granularity: "tensor" }, {}],
  ["groups along axis 0", { shape: [rows, columns], granularity: { group, along: 0 } }, { axis: 0, block_size: group }],
  [
    "groups along the last axis",
    { shape: [columns, rows], granularity: { group, along: 1 } },
    { axis: 1, block_size: group },
  ],
];

/** Weights in the order of the channels, each with the given number. */
const kinds: Record<string, (each: number, bits: number) => Float32Array> = {
  uniform: () => uniform("float32", size, 1),
  "of random bits": (each) => randomPatterns("float32", size, 2, each),
  "of random bits and all magnitudes at once": (each) => randomPatterns("float32", size, 3, each, 254),
  "near ties": (each, bits) => ties("float32", size, bits, 4, each),
};

describe.each([8, 16])("onnxruntime gives the same bits at %i bits", (bits) => {
  const qmax = 2 ** (bits - 1) - 1;

  describe.each(layouts)("with %s", (_, layout, attributes) => {
    it.each(Object.keys(kinds))("for weights %s", async (kind) => {
      const { channelOf, scaleShape } = channels(layout);
      const count = scaleShape.reduce((a, b) => a * b, 1);
      const weights = scatter(kinds[kind](size / count, bits), channelOf, count);
      const scales = scalesOf(weights, channelOf, count, qmax);
      // The library deviates on purpose where there is no usable answer: see the corners.
      expect(scales.every((scale) => scale > 0 && Math.fround(scale * qmax) < Infinity)).toBe(true);

      const codes = bits === 8 ? "int8" : "int16";
      const expected = await quantizeLinear({ weights, shape: layout.shape, scales, scaleShape, codes, attributes });
      const actual = channelwise.quantize(weights, { ...layout, bits, dequantize: true });
      expectSameBits(actual.scales, scales, "scales");
      expectSameBits(actual.quantized, expected.quantized, "quantized");
      expectSameBits(actual.dequantized, expected.dequantized, "dequantized");
      expectSameBits(channelwise.dequantize(actual), expected.dequantized, "dequantize()");
      // The comparison would be weak if all codes were 0.
      expect(actual.quantized.filter((code) => code !== 0).length).toBeGreaterThan(count);
    });
  });
});
