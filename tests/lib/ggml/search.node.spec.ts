// The search is compared with ggml's own encoder, whose bytes blocks.node.spec.ts checks: no block may be worse, and
// the gain is measured.

import { beforeAll, describe, expect, it } from "vitest";
import { type BlockType, blockTypes } from "../../../dist/storage/ggml/block-types.js";
import type { Blocks } from "../../../dist/storage/ggml/blocks.js";
import { loadBlocks } from "../../../dist/storage/ggml/load-blocks.js";
import { basicPitchWeights, kokoroVoices, upscalerWeights } from "../../../scripts/data.mjs";
import { winkVectors } from "../../../scripts/embeddings/wink.mjs";
import { matricesOf } from "../../../scripts/matrices.mjs";
import { readOcrModels } from "../../../scripts/ocr/packages.mjs";
import { randomBits } from "../random.js";
import { kinds, weightsOf } from "./weights.js";

/** The most weights of a model that are tried. */
const MOST = 1 << 17;

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

/** As many blocks of each tensor of a model as give MOST weights or fewer in all, at even distances. */
function blocksOf(tensors: readonly { weights: Float32Array }[]): Float32Array[] {
  const size = tensors.reduce((sum, { weights }) => sum + weights.length, 0);
  const step = 256 * Math.ceil(size / MOST);
  return tensors
    .filter(({ weights }) => weights.length >= 256)
    .map(({ weights }) => {
      const blocks = Array.from({ length: Math.ceil((weights.length - 255) / step) }, (_, i) => i * step);
      const taken = new Float32Array(256 * blocks.length);
      blocks.forEach((at, i) => {
        taken.set(weights.subarray(at, at + 256), 256 * i);
      });
      return taken;
    });
}

/** Blocks of the tensors of real models. */
async function realSets(): Promise<Record<string, Float32Array[]>> {
  const { rec, det, cls } = await readOcrModels();
  return {
    "OCR recognition": blocksOf(await matricesOf(rec)),
    "OCR detection": blocksOf(await matricesOf(det)),
    "OCR orientation": blocksOf(await matricesOf(cls)),
    "voices of Kokoro": blocksOf(await kokoroVoices()),
    "Basic Pitch": blocksOf(await basicPitchWeights()),
    upscaler: blocksOf(await upscalerWeights()),
    "word vectors": blocksOf([{ weights: await winkVectors(4096) }]),
  };
}

/** The least gain in dB, as the mean over the sets, a little below the gains in cpp/core/blocks/README.md. */
const leastGain: Partial<Record<BlockType, number>> = {
  Q4_0: 0.445,
  Q4_1: 1.05,
  Q5_0: 0.46,
  Q5_1: 1.07,
  Q8_0: 0.82,
  Q2_K: 1.31,
  Q3_K: 0.4,
  Q4_K: 0.215,
  Q5_K: 0.45,
  Q6_K: 0.575,
  IQ4_NL: 0.31,
};

/** The numbers that the codes of IQ4_NL stand for. */
const nonlinear = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/**
 * The sum of squared errors of IQ4_NL as ggml's quantize_row_iq4_nl_ref writes it, which tries one scale a block:
 * that of the largest magnitude, fitted once with weights x^2.
 */
function errorWithoutTrials(weights: Float32Array): number {
  const nearest = (x: number) =>
    nonlinear.reduce((best, each) => (Math.abs(each - x) < Math.abs(best - x) ? each : best));
  let error = 0;
  for (let at = 0; at < weights.length; at += 32) {
    const block = weights.subarray(at, at + 32);
    const largest = block.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0);
    if (largest === 0) continue;
    const codes = Array.from(block, (x) => nearest((x / largest) * nonlinear[0]));
    const sum = (term: (x: number, code: number) => number) => block.reduce((all, x, i) => all + term(x, codes[i]), 0);
    const scale = sum((x, code) => x ** 3 * code) / sum((x, code) => x ** 2 * code ** 2);
    error += sum((x, code) => (x - scale * code) ** 2);
  }
  return error;
}

/** The sum of squared errors of all blocks. */
function errorOf(type: BlockType, encoder: "ggml" | "search") {
  return (weights: Float32Array) => errorsOf(type, weights, encoder).reduce((sum, error) => sum + error, 0);
}

/** The mean gain in dB over tensors, weighted by their size. */
function gainOf(
  tensors: readonly Float32Array[],
  before: (weights: Float32Array) => number,
  after: (weights: Float32Array) => number,
): number {
  let sum = 0;
  let count = 0;
  for (const weights of tensors) {
    sum += 10 * Math.log10(before(weights) / after(weights)) * weights.length;
    count += weights.length;
  }
  return sum / count;
}

it("gains on every set, and on their mean what was measured", async () => {
  const made = Object.entries(madeSets()).map(([name, weights]): [string, Float32Array[]] => [name, [weights]]);
  const sets = [...made, ...Object.entries(await realSets())];
  const gains = types.map((type) => ({
    type,
    of: sets.map(([name, tensors]) => ({
      name,
      gain: gainOf(tensors, errorOf(type, "ggml"), errorOf(type, "search")),
    })),
  }));
  expect(gains.filter(({ of }) => of.some(({ gain }) => !(gain > 0)))).toEqual([]);
  const means = gains.map(({ type, of }) => ({ type, mean: of.reduce((sum, { gain }) => sum + gain, 0) / of.length }));
  expect(means.filter(({ type, mean }) => !(mean >= (leastGain[type] ?? 0)))).toEqual([]);

  const overOneTrial = sets.map(([, tensors]) => gainOf(tensors, errorWithoutTrials, errorOf("IQ4_NL", "search")));
  expect(overOneTrial.reduce((sum, gain) => sum + gain, 0) / sets.length).toBeGreaterThan(0.5);
});
