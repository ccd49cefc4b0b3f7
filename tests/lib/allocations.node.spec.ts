// The garbage that a call leaves, measured in a Node of its own that does not collect meanwhile.

import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";

const program = `
  import { load } from "channelwise";
  const channelwise = await load();
  const [, shape, calls, errors, dequantize] = JSON.parse(process.argv.at(-1));
  const length = shape.reduce((a, b) => a * b);
  const weights = new Float32Array(length);
  for (let i = 0; i < length; i++) weights[i] = Math.sin(i);
  const perChannel = () => ({ mse: new Float64Array(shape[0]), maxError: new Float64Array(shape[0]), sqnr: new Float64Array(shape[0]) });
  const into = {
    quantized: new Int8Array(length),
    scales: new Float32Array(shape[0]),
    ...(dequantize && { dequantized: new Float32Array(length) }),
    ...(errors === "channel" && { perChannel: perChannel() }),
  };
  const options = { shape, errors, dequantize, into };
  for (let i = 0; i < calls; i++) channelwise.quantize(weights, options);
  gc();
  const before = process.memoryUsage();
  for (let i = 0; i < calls; i++) channelwise.quantize(weights, options);
  const after = process.memoryUsage();
  const each = (name) => (after[name] - before[name]) / calls;
  console.log(JSON.stringify({ heap: each("heapUsed"), arrayBuffers: each("arrayBuffers") }));`;

function bytesPerCall(...args: unknown[]): { heap: number; arrayBuffers: number } {
  const flags = [
    "--expose-gc",
    "--max-semi-space-size=128",
    "--min-semi-space-size=128",
    "--input-type=module",
    "--eval",
  ];
  return JSON.parse(execFileSync(process.execPath, [...flags, program, JSON.stringify(args)], { encoding: "utf8" }));
}

/** The number of weights that are staged at a time. */
const block = 2 ** 17;

describe("with arrays to fill, a call allocates no arrays", () => {
  it.each([
    ["64 x 64", [64, 64], 2000, "total", false],
    ["64 x 64, all there is", [64, 64], 2000, "channel", true],
    ["4096 x 4096", [4096, 4096], 10, "total", true],
    ["one row of 16 million", [1, 2 ** 24], 10, "total", false],
  ] as const)("and few objects: %s", (...[name, shape, calls, errors, dequantize]) => {
    const { heap, arrayBuffers } = bytesPerCall(name, shape, calls, errors, dequantize);
    console.log(`${name}: ${Math.round(heap)} bytes of objects a call`);
    expect(arrayBuffers).toBeLessThanOrEqual(0); // memory of loading may be released meanwhile
    expect(heap).toBeGreaterThan(0); // nothing was collected meanwhile
    const blocks = (shape[0] * shape[1]) / block;
    expect(heap).toBeLessThan(16_384 + 1024 * blocks);
  });
});
