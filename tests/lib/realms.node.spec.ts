// Frames, and test runners with a global object for each test, pass arrays of another realm, which are not instances of
// this realm's Float32Array.

import { runInNewContext } from "node:vm";
import { load } from "channelwise";
import { expect, it } from "vitest";
import { readWasm } from "./wasm-file.js";

const channelwise = await load();
const own = channelwise.quantize(Float32Array.of(1, 2, 3, 4), { shape: [2, 2], dequantize: true });

it("takes weights of another realm", () => {
  const weights: Float32Array = runInNewContext("Float32Array.of(1, 2, 3, 4)");
  expect(weights).not.toBeInstanceOf(Float32Array);
  expect(channelwise.quantize(weights, { shape: [2, 2], dequantize: true })).toEqual(own);
  const rows: Float32Array[] = runInNewContext("[Float32Array.of(1, 2), Float32Array.of(3, 4)]");
  expect(channelwise.quantize(rows, { dequantize: true })).toEqual(own);
  const numbers: number[][] = runInNewContext("[[1, 2], [3, 4]]");
  expect(Array.from(channelwise.quantize(numbers).quantized)).toEqual(Array.from(own.quantized));
});

it("takes options, arrays to fill and stored results of another realm", () => {
  const options = runInNewContext("({ shape: [2, 2], into: { quantized: new Int8Array(4) } })");
  const { quantized } = channelwise.quantize(Float32Array.of(1, 2, 3, 4), options);
  expect(quantized).toBe(options.into.quantized);
  expect(Array.from(quantized)).toEqual(Array.from(own.quantized));
  const stored = runInNewContext("({ quantized: Int8Array.of(1, 2), scales: Float32Array.of(3, 4), shape: [2, 1] })");
  expect(Array.from(channelwise.dequantize(stored))).toEqual([3, 8]);
});

it("still refuses other arrays", () => {
  const integers = runInNewContext("new Int32Array(4)");
  expect(() => channelwise.quantize(integers, { shape: [2, 2] })).toThrow(/Int32Array/);
});

it("loads from bytes of another realm", async () => {
  const bytes = await readWasm();
  const buffer: ArrayBuffer = runInNewContext("new ArrayBuffer(length)", { length: bytes.length });
  new Uint8Array(buffer).set(bytes);
  for (const wasm of [buffer, new Uint8Array(buffer)]) {
    expect((await load({ wasm })).quantize([[1, 2]]).quantized).toHaveLength(2);
  }
});
