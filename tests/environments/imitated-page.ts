// The tests of a user that run in Node with an imitated page: everything works there as in Node.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { load as loadOneThread } from "channelwise";
import { readNpy, writeNpy } from "channelwise/npy";
import { load } from "channelwise/parallel";
import { load as loadSlim } from "channelwise/slim";
import { expect, it } from "vitest";
import { sampleRows } from "../packaging/consumer/quantize.js";
import { sample } from "../packaging/sample.js";

export function worksHere() {
  const inNumbers = ({ quantized, scales }: { quantized: Iterable<number>; scales: Iterable<number> }) => ({
    quantized: [...quantized],
    scales: [...scales],
  });
  const { quantized, scales } = sample;

  it("is what it should be: a page in Node", () => {
    expect([typeof document, typeof process]).toEqual(["object", "object"]);
  });

  it("load() gives a quantizer", async () => {
    const channelwise = await loadOneThread();
    expect(inNumbers(channelwise.quantize(sampleRows))).toEqual({ quantized, scales });
  });

  it("load({ wasm }) takes bytes, an address and a response", async () => {
    const file = resolve("dist/channelwise.wasm");
    const { href } = pathToFileURL(file);
    const bytes = new Uint8Array(readFileSync(file));
    const response = new Response(bytes);
    for (const wasm of [bytes, bytes.buffer, new URL(href), href, response, await WebAssembly.compile(bytes)]) {
      expect(inNumbers((await loadSlim({ wasm })).quantize(sampleRows))).toEqual({ quantized, scales });
    }
  });

  it("workers give the same, and end when they are told", async () => {
    const parallel = await load({ workers: 2 });
    expect(inNumbers(await parallel.quantize(sampleRows))).toEqual({ quantized, scales });
    const memory = new SharedArrayBuffer(4 * 600_000);
    const weights = new Float32Array(memory).fill(0.5);
    const signal = new AbortController().signal;
    const options = { shape: [600, 1000], axis: 1, signal };
    for (const each of [weights, weights.slice()]) {
      expect((await parallel.quantize(each, options)).scales).toEqual(new Float32Array(1000).fill(0.5 / 127));
    }
    parallel.close();
  });

  it("array files are written and read", () => {
    expect(readNpy(writeNpy(Float32Array.of(1, 2), [2])).weights).toEqual(Float32Array.of(1, 2));
  });
}
