// The search is compared with ggml's own encoder, whose bytes blocks.node.spec.ts checks: no block may be worse, and
// the gain is measured.

import { beforeAll, describe, expect, it } from "vitest";
import { type BlockType, blockTypes } from "../../../dist/storage/ggml/block-types.js";
import type { Blocks } from "../../../dist/storage/ggml/blocks.js";
import { loadBlocks } from "../../../dist/storage/ggml/load-blocks.js";
import { basicPitchWeights, kokoroVoices } from "../../../scripts/data.mjs";
import { randomBits } from "../random.js";
import { kinds, weightsOf } from "./weights.js";

const types = (Object.keys(blockTypes) as BlockType[]).filter((type) => blockTypes[type].encodes);

let blocks: Blocks;
beforeAll(async () => {
  blocks = await loadBlocks();
});

/** The sum of squared errors of each block. */
function errorsOf(type: BlockType, weights: Float32Array, encoder: "ggml" | "search"): Float64Array {
  const { blockLength } = blockTypes[type];
  const decoded = blocks.decode(type, blocks.encode(type, weights, encoder));
  const errors = new Float64Array(weights.length / blockLength);
  decoded.forEach((weight, i) => {
    errors[Math.floor(i / blockLength)] += (weight - weights[i]) ** 2;
  });
  return errors;
}

describe.each(types)("%s", (type) => {
  it.each(Object.keys(kinds))("has no block with a larger error for weights %s", (kind) => {
    const weights = weightsOf(kind, 256 * 61, 3);
    const ggml = errorsOf(type, weights, "ggml");
    const search = errorsOf(type, weights, "search");
    // The sums add the same numbers in another order. Where a scale overflows, both are infinite or NaN.
    expect(search.findIndex((error, i) => error > ggml[i] * (1 + 1e-12))).toBe(-1);
  });
});

/** Laplace, Student's t and columns of outliers, from normal numbers by Box and Muller. */
function madeSets(): Record<string, Float32Array> {
  const next = randomBits(7);
  const even = () => (next() + 1) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(even())) * Math.cos(2 * Math.PI * even());
  const student = (freedom: number) => {
    let squares = 0;
    for (let i = 0; i < freedom; i++) squares += normal() ** 2;
    return normal() / Math.sqrt(squares / freedom);
  };
  const set = (make: (i: number) => number) => Float32Array.from({ length: 1 << 16 }, (_, i) => 0.05 * make(i));
  return {
    normal: set(normal),
    laplace: set(() => Math.log(even()) * (next() % 2 === 0 ? 1 : -1)),
    "Student's t, 8 degrees": set(() => student(8)),
    "Student's t, 4 degrees": set(() => student(4)),
    "outlier columns": set((i) => normal() * (i % 100 === 7 ? 20 : 1)),
  };
}

/** Whole blocks of the tensors of real models. */
async function realSets(): Promise<Record<string, Float32Array[]>> {
  const wholeBlocks = (tensors: { weights: Float32Array }[]) =>
    tensors
      .filter(({ weights }) => weights.length >= 256)
      .map(({ weights }) => weights.subarray(0, Math.floor(weights.length / 256) * 256));
  return {
    "voices of Kokoro": wholeBlocks((await kokoroVoices()).slice(0, 4)),
    "Basic Pitch": wholeBlocks(await basicPitchWeights()),
  };
}

/** The least gain in dB, as the mean over the sets, a little below the gains in cpp/core/blocks/README.md. */
const leastGain: Partial<Record<BlockType, number>> = {
  Q4_0: 0.44,
  Q4_1: 1.02,
  Q5_0: 0.45,
  Q5_1: 1.06,
  Q8_0: 0.79,
  Q2_K: 1.285,
  Q3_K: 0.37,
  Q4_K: 0.205,
  Q5_K: 0.44,
  Q6_K: 0.56,
  IQ4_NL: 0.28,
};

/** The mean over tensors, weighted by their size. */
function gainOf(type: BlockType, tensors: Float32Array[]): number {
  const total = (errors: Float64Array) => errors.reduce((sum, error) => sum + error, 0);
  let sum = 0;
  let count = 0;
  for (const weights of tensors) {
    const ratio = total(errorsOf(type, weights, "ggml")) / total(errorsOf(type, weights, "search"));
    sum += 10 * Math.log10(ratio) * weights.length;
    count += weights.length;
  }
  return sum / count;
}

it("gains on every set, and on their mean what was measured", async () => {
  const made = Object.entries(madeSets()).map(([name, weights]): [string, Float32Array[]] => [name, [weights]]);
  const sets = [...made, ...Object.entries(await realSets())];
  const gains = types.map((type) => ({
    type,
    of: sets.map(([name, tensors]) => ({ name, gain: gainOf(type, tensors) })),
  }));
  expect(gains.filter(({ of }) => of.some(({ gain }) => !(gain > 0)))).toEqual([]);
  const means = gains.map(({ type, of }) => ({ type, mean: of.reduce((sum, { gain }) => sum + gain, 0) / of.length }));
  expect(means.filter(({ type, mean }) => !(mean >= (leastGain[type] ?? 0)))).toEqual([]);
});
