import type { Channelwise } from "channelwise";
import { expect } from "vitest";
import { fromHex, matrixFromHex } from "./hex-floats.js";
import { expectSameBits, expectSameDouble } from "./same-bits.js";

/** The result of the reference program, rounded for reading. */
export interface Dictionary {
  readonly scales: number[];
  readonly quantized: number[][];
  readonly dequantized: number[][];
  readonly mse: number;
  readonly max_error: number;
}

/** A line of reference.py: a matrix and its answer, with floats as hexadecimal digits. */
export interface ReferenceAnswer {
  readonly bits: number;
  readonly rows: string[][];
  readonly scales: string[];
  readonly quantized: number[][];
  readonly dequantized: string[][];
  readonly mse: string;
  readonly max_error: string;
  readonly dictionary: Dictionary;
}

export function parseAnswers(lines: string): ReferenceAnswer[] {
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as ReferenceAnswer);
}

/** Fails unless the library gives a matrix the same bits as reference.py, and the same mse to 1e-12. */
export function expectReferenceAnswer(channelwise: Channelwise, answer: ReferenceAnswer): void {
  const { bits } = answer;
  const matrix = matrixFromHex(answer.rows);
  const result = channelwise.quantize(matrix, { bits, dequantize: true });
  expectSameBits(result.scales, Float64Array.from(answer.scales, fromHex), "scales");
  const codes = answer.quantized.flat();
  expectSameBits(result.quantized, bits <= 8 ? Int8Array.from(codes) : Int16Array.from(codes), "quantized");
  expectSameBits(result.dequantized, Float64Array.from(answer.dequantized.flat(), fromHex), "dequantized");
  expectSameDouble(result.maxError, fromHex(answer.max_error), "maxError");
  const mse = fromHex(answer.mse);
  expect(Math.abs(result.mse - mse), `mse ${result.mse} against ${mse}`).toBeLessThanOrEqual(1e-12 * mse);
}
