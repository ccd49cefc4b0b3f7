import type { Embeddings, VectorRanges } from "channelwise/embeddings";
import { expect } from "vitest";
import { randomPatterns, uniform } from "../random.js";
import { bytesFromHex, normalVectors, toHex } from "./vectors.js";

/** A job for sentence_transformers.py, with float32 in hexadecimal. */
export interface Job {
  dimensions: number;
  ranges: string | null;
  vectors: string;
}

/** The answer of sentence_transformers.py. */
export interface Answer {
  ranges: string;
  int8: string;
  uint8: string;
  binary: string;
  ubinary: string;
}

function job(dimensions: number, vectors: Float32Array, calibration?: Float32Array): Job {
  if (calibration === undefined) return { dimensions, ranges: null, vectors: toHex(vectors) };
  const ends = new Float32Array(2 * dimensions);
  for (let d = 0; d < dimensions; d++) {
    const column = calibration.filter((_, i) => i % dimensions === d);
    ends[d] = Math.min(...column);
    ends[dimensions + d] = Math.max(...column);
  }
  return { dimensions, ranges: toHex(ends), vectors: toHex(vectors) };
}

/**
 * Ordinary vectors; some beyond their ranges; a constant dimension; numbers on the edges of steps; any magnitudes; one
 * dimension.
 */
export function jobs(): Job[] {
  const constant = normalVectors(40, 19, 3);
  for (let at = 7; at < constant.length; at += 19) constant[at] = 0.25;
  const edges = uniform("float32", 60 * 16, 4).map((x) => Math.round(x * 128) / 128);
  return [
    job(24, normalVectors(50, 24, 1)),
    job(33, normalVectors(50, 33, 2, false), normalVectors(20, 33, 12, false)),
    job(19, constant),
    job(16, edges),
    job(
      8,
      randomPatterns("float32", 8 * 30, 5, 8, 20).map((x) => (Math.abs(x) > 1e37 ? x * 1e-3 : x)),
    ),
    job(1, normalVectors(9, 1, 6, false)),
  ];
}

/** Expects that the library's codes are those of the answer, and its ranges too if the job has none. */
export function expectAnswer(embeddings: Embeddings, { dimensions, ranges: given, vectors: hex }: Job, answer: Answer) {
  const vectors = new Float32Array(bytesFromHex(hex).buffer);
  const ends = new Float32Array(bytesFromHex(answer.ranges).buffer);
  const rows = given === null ? vectors : ends;
  const ranges: VectorRanges = embeddings.fitRanges(rows, { dimensions });
  expect(toHex(Float32Array.from([...ranges.lows, ...ranges.highs]))).toBe(answer.ranges);
  const codes = (precision: "int8" | "uint8" | "binary" | "ubinary") =>
    embeddings.encode(vectors, ranges, { precision, profile: "sentence-transformers" }).codes;
  for (const precision of ["int8", "uint8", "binary", "ubinary"] as const) {
    expect(toHex(codes(precision)), precision).toBe(answer[precision]);
  }
  expect(codes("int8")).toBeInstanceOf(Int8Array);
  expect(codes("uint8")).toBeInstanceOf(Uint8Array);
  expect(codes("binary")).toBeInstanceOf(Int8Array);
  expect(codes("ubinary")).toBeInstanceOf(Uint8Array);
}
