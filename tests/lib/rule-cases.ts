import type { Channelwise, QuantizeOptions } from "channelwise";
import { quantizeStream } from "../../dist/stream/quantize-stream.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { type Floats, newFloats } from "./random.js";
import { channels, type Layout } from "./reference.js";

// What the specs of all rules for scales have in common: layouts that a rule must get right, and quantizing in chunks.

/** Layouts of less than a block. */
export const shortLayouts: [string, Layout][] = [
  ["rows", { shape: [37, 53] }],
  ["columns", { shape: [61, 37], axis: 1 }],
  ["a middle axis", { shape: [5, 7, 33], axis: 1 }],
  ["groups", { shape: [24, 96], granularity: { group: 32, along: 1 } }],
  ["groups of one", { shape: [5, 7], granularity: { group: 1, along: 1 } }],
  ["groups of three", { shape: [5, 6], granularity: { group: 3, along: 1 } }],
  ["groups along the first axis", { shape: [96, 25], granularity: { group: 16, along: 0 } }],
  ["one scale for all", { shape: [2111], granularity: "tensor" }],
];

/** Layouts of channels in several blocks. */
export const longLayouts: [string, Layout][] = [
  ["rows longer than a block", { shape: [2, 131_075] }],
  ["columns in several blocks", { shape: [300, 509], axis: 1 }],
];

/** How many elements a layout has. */
export const elementsOf = ({ shape }: Layout) => shape.reduce((a, b) => a * b, 1);

/** Quantizes weights in chunks of a block. `reads` says how often the weight was read that was read most often. */
export async function quantizeInChunks(
  channelwise: Channelwise,
  weights: Floats,
  options: Layout & Pick<QuantizeOptions, "scales" | "zeroPoints"> & { readonly bits: number },
) {
  const type = weights instanceof Float32Array ? "float32" : "float64";
  const newCodes = (length: number) => (options.bits > 8 ? new Int16Array(length) : new Int8Array(length)).fill(99);
  const count = channels(options).scaleShape.reduce((a, b) => a * b, 1);
  const made = { scales: newFloats(type, count), zeroPoints: newCodes(count), quantized: newCodes(weights.length) };
  const passes = new Uint8Array(weights.length);
  await quantizeStream(
    runnerOf(channelwise),
    {
      dtype: type,
      length: weights.length,
      async read(start, count) {
        for (let i = start; i < start + count; i++) passes[i]++;
        return weights.slice(start, start + count);
      },
    },
    {
      quantized: (start, some) => made.quantized.set(some, start),
      scales: (start, some) => made.scales.set(some, start),
      zeroPoints: (start, some) => made.zeroPoints.set(some, start),
    },
    { ...options, heldElements: 2 ** 17, chunkElements: 2 ** 17 },
  );
  return { ...made, reads: passes.reduce((a, b) => Math.max(a, b)) };
}
