// Tests of the library before it is loaded. This file imports it only inside its tests, which build on each other.

import { afterEach, expect, it, vi } from "vitest";
import { expectSameBits } from "./same-bits.js";
import { readWasm } from "./wasm-file.js";

afterEach(() => {
  vi.restoreAllMocks();
});

it("importing fetches and compiles nothing", async () => {
  const spies = [
    vi.spyOn(globalThis, "fetch"),
    vi.spyOn(WebAssembly, "compile"),
    vi.spyOn(WebAssembly, "instantiate"),
    vi.spyOn(WebAssembly, "validate"),
    vi.spyOn(WebAssembly, "Module"),
    vi.spyOn(WebAssembly, "Instance"),
    vi.spyOn(globalThis, "DecompressionStream"),
    vi.spyOn(globalThis, "atob"),
  ];
  // The order of globals changes: Firefox makes its own when they are used.
  const globals = new Set(Object.getOwnPropertyNames(globalThis));
  await import("channelwise");
  await import("channelwise/slim");
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  expect(new Set(Object.getOwnPropertyNames(globalThis))).toEqual(globals);
});

/** An engine without SIMD, which finds no module with vector instructions valid. */
function withoutSimd() {
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
}

it("without SIMD load() rejects with one clear sentence", async () => {
  withoutSimd();
  const { load } = await import("channelwise");
  await expect(load()).rejects.toThrow(/^[^.\n]*WebAssembly SIMD[^.\n]*$/);
  await expect(load({ wasm: await readWasm() })).rejects.toThrow(/SIMD/);
  const slim = await import("channelwise/slim");
  await expect(slim.load({ wasm: await readWasm() })).rejects.toThrow(/SIMD/);
});

it("load() compiles the very binary that is published as a file", async () => {
  const { load } = await import("channelwise");
  const compile = vi.spyOn(WebAssembly, "compile");
  vi.spyOn(WebAssembly, "instantiate").mockRejectedValueOnce(new WebAssembly.RuntimeError("enough seen"));
  await expect(load()).rejects.toThrow(/enough seen/);
  expect(compile).toHaveBeenCalledOnce();
  const bytes = new Uint8Array(compile.mock.calls[0][0] as ArrayBuffer);
  expectSameBits(new Int8Array(bytes.buffer), new Int8Array((await readWasm()).buffer), "the binary");
});

it("a load that failed can be tried again", async () => {
  const { load } = await import("channelwise");
  withoutSimd();
  await expect(load()).rejects.toThrow(/SIMD/);
  vi.restoreAllMocks();
  vi.spyOn(WebAssembly, "instantiate").mockRejectedValueOnce(new WebAssembly.RuntimeError("out of memory"));
  await expect(load()).rejects.toThrow(/out of memory/);
  vi.restoreAllMocks();
  const channelwise = await load();
  expect(channelwise.quantize([[1, 2]]).quantized).toHaveLength(2);
  expect(await load()).toBe(channelwise);
});
