import type { Layout } from "./reference.js";

/** The number of weights in a chunk for which the layouts are made: a block of float32, and two of float64. */
export const chunkElements = 2 ** 17;

/** Layouts of more than a chunk, but for one. */
export const onePass: [string, Layout][] = [
  ["rows", { shape: [700, 1001] }],
  ["rows of a block", { shape: [5, 2 ** 17] }],
  ["short rows", { shape: [90_001, 5] }],
  ["many channels of one weight", { shape: [500_003, 1] }],
  ["groups along the last axis", { shape: [300, 2048], granularity: { group: 32, along: 1 } }],
  ["groups along the first axis", { shape: [128, 5003], granularity: { group: 16, along: 0 } }],
  ["many small pieces", { shape: [5000, 4, 31], granularity: { group: 2, along: 1 } }],
  ["few long rows of columns", { shape: [2, 300_001], axis: 1 }],
  ["groups in strips", { shape: [6, 200_003], granularity: { group: 3, along: 0 } }],
  ["less than a chunk", { shape: [30, 1001] }],
];
export const twoPasses: [string, Layout][] = [
  ["long rows", { shape: [3, 300_007] }],
  ["columns", { shape: [900, 701], axis: 1 }],
  ["tall columns", { shape: [30_011, 11], axis: 1 }],
  ["a middle axis", { shape: [41, 67, 131], axis: 1 }],
  ["a middle axis of long rows", { shape: [2, 3, 150_001], axis: 1 }],
  ["strips of columns", { shape: [70, 20_011], axis: 1 }],
  ["one scale for all", { shape: [700_001], granularity: "tensor" }],
  ["groups longer than a chunk", { shape: [3, 400_002], granularity: { group: 200_001, along: 1 } }],
  ["pieces longer than a chunk", { shape: [300, 1501], granularity: { group: 150, along: 0 } }],
];
