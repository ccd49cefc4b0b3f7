import { FLT_MAX, randomBits } from "../random.js";

/** Nearly normal numbers, made only with operations that are the same on every engine: sums of 12 uniform numbers. */
function nearlyNormal(next: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += next() / 2 ** 32;
  return sum;
}

type Make = (next: () => number, index: number) => number;

/** Weights of every kind that blocks treat differently. */
export const kinds: Record<string, Make> = {
  "nearly normal": (next) => 0.05 * nearlyNormal(next),
  "with heavy tails": (next) => (0.02 * nearlyNormal(next)) / (next() / 2 ** 32 + 2 ** -10),
  zeros: (next) => (next() % 2 === 0 ? 0 : -0),
  "with stretches of zeros": (next, i) => ((i >> 4) % 3 === 0 || next() % 4 === 0 ? 0 : nearlyNormal(next)),
  bfloat16: (next) => {
    const bits = new Uint32Array(Float32Array.of(0.05 * nearlyNormal(next)).buffer);
    bits[0] &= 0xffff0000;
    return new Float32Array(bits.buffer)[0];
  },
  "around 1e-6": (next) => 1e-6 * nearlyNormal(next),
  "of very different sub-blocks": (next, i) => nearlyNormal(next) * 2 ** (((i >> 5) % 40) - 30),
  "above zero": (next) => 1 + next() / 2 ** 32,
  "below zero": (next) => -1 - next() / 2 ** 32,
  ties: (next) => ((next() % 64) - 32) / 2,
  "ties next to a largest": (next, i) => (i % 16 === 0 ? (i % 32 === 0 ? -16 : 16) : ((next() % 61) - 30) / 2),
  "equal magnitudes": (next) => (next() % 2 === 0 ? 0.75 : -0.75),
  constants: (_, i) => [0.3, -0.3, 1e-3, 7][(i >> 8) % 4],
  "one of many": (_, i) => (i % 32 === (i >> 5) % 32 ? ((i >> 5) % 2 === 0 ? 3 : -3) : 0),
  subnormals: (next) => ((next() % 2001) - 1000) * 2 ** -149,
  "few subnormals": (next) => ((next() % 9) - 4) * 2 ** -149,
  "around the least float16": (next) => nearlyNormal(next) * 2 ** -22,
  "of scales above float16": (next) => nearlyNormal(next) * 2 ** 20,
  "the largest numbers": (next) => [1, -1, 0.5, -0.25][next() % 4] * FLT_MAX,
  "of all magnitudes": (next) => (next() / 2 ** 31 - 1) * 2 ** ((next() % 250) - 125),
  "of magnitudes by sub-block": (next, i) =>
    nearlyNormal(next) * 2 ** (((Math.imul(i >> 4, 2654435761) >>> 0) % 250) - 125),
};

/** Reproducible weights of a kind. */
export function weightsOf(kind: string, length: number, seed = 1): Float32Array<ArrayBuffer> {
  const next = randomBits(seed);
  return Float32Array.from({ length }, (_, i) => kinds[kind](next, i));
}

/** Random bytes as blocks, with scales and codes of every bit pattern. */
export function randomBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const next = randomBits(seed);
  return Uint8Array.from({ length }, () => next() >>> 11);
}

/** Gives every NaN the same bits: engines differ in the NaN that an operation gives. */
export function withOneNaN(weights: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return weights.map((weight) => (Number.isNaN(weight) ? Number.NaN : weight));
}
