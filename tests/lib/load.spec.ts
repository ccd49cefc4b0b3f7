import * as channelwiseModule from "channelwise";
import { type Channelwise, FormatError, load, NonFiniteError } from "channelwise";
import * as slim from "channelwise/slim";
import { describe, expect, it } from "vitest";
import { uniform } from "./random.js";
import { readWasm, wasmAddress } from "./wasm-file.js";

const bytes = await readWasm();
const weights = uniform("float32", 1000, 1);
const expected = (await load()).quantize(weights, { shape: [10, 100], errors: "channel" });

function expectWorks(channelwise: Channelwise) {
  expect(channelwise.quantize(weights, { shape: [10, 100], errors: "channel" })).toEqual(expected);
}

const wasmResponse = () => new Response(bytes, { headers: { "content-type": "application/wasm" } });

describe("the entries", () => {
  it("export load and the error classes, and nothing else", () => {
    expect(Object.keys(channelwiseModule).sort()).toEqual(["FormatError", "NonFiniteError", "load"]);
    expect(Object.keys(slim).sort()).toEqual(["FormatError", "NonFiniteError", "load"]);
    expect([slim.FormatError, slim.NonFiniteError]).toEqual([FormatError, NonFiniteError]);
  });
});

describe("load()", () => {
  it("gives everyone the same instance", async () => {
    const [first, second] = await Promise.all([load(), load()]);
    expect(second).toBe(first);
    expect(await load({})).toBe(first);
    expectWorks(first);
  });

  it("gives an instance whose functions need no this", async () => {
    const { quantize, dequantize } = await load();
    const result = quantize([[1, 2]], { dequantize: true });
    expect(dequantize(result)).toEqual(result.dequantized);
  });
});

describe.each([
  ["channelwise", load],
  ["channelwise/slim", slim.load],
] as const)("load({ wasm }) of %s", (_, loadWith) => {
  it.each([
    ["an ArrayBuffer", () => bytes.slice().buffer],
    ["bytes", () => bytes],
    [
      "bytes inside a larger buffer",
      () => {
        const larger = new Uint8Array(bytes.length + 100);
        larger.set(bytes, 50);
        return larger.subarray(50, 50 + bytes.length);
      },
    ],
    ["a DataView", () => new DataView(bytes.buffer)],
    ["a module", () => new WebAssembly.Module(bytes)],
    ["a response", () => wasmResponse()],
    ["a response without a type", () => new Response(bytes)],
    ["a promised response", () => Promise.resolve(wasmResponse())],
    ["an address", () => wasmAddress],
    ["an address as text", () => wasmAddress.href],
  ])("makes an instance of its own from %s", async (_, wasm) => {
    const first = await loadWith({ wasm: wasm() });
    const second = await loadWith({ wasm: wasm() });
    expect(first).not.toBe(await load());
    expect(second).not.toBe(first);
    expectWorks(first);
    expectWorks(second);
    expectWorks(await load());
  });

  it.each([
    ["no bytes", () => new Uint8Array(0)],
    ["garbage", () => new TextEncoder().encode("<!doctype html><title>not found</title>")],
    ["half of the binary", () => bytes.slice(0, bytes.length / 2)],
    ["an empty module", () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)],
    ["an empty compiled module", () => new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))],
    [
      "a page instead of the binary",
      () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
    ],
    ["an empty response", () => new Response(null)],
  ])("rejects for %s", async (_, wasm) => {
    const error = await loadWith({ wasm: wasm() }).then(
      () => expect.fail("it loaded"),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(/wasm|WebAssembly/i);
    expectWorks(await load());
  });

  it("rejects with the status of a failed response", async () => {
    const notFound = () => new Response("no such file", { status: 404, statusText: "Not Found" });
    await expect(loadWith({ wasm: notFound() })).rejects.toThrow(/404/);
    await expect(loadWith({ wasm: Promise.resolve(notFound()) })).rejects.toThrow(/404/);
  });

  it("rejects as the fetch does", async () => {
    const offline = new TypeError("network is down");
    await expect(loadWith({ wasm: Promise.reject(offline) })).rejects.toThrow(/network is down/);
  });

  it("rejects where there is no such address", async () => {
    await expect(loadWith({ wasm: new URL("no-such.wasm", wasmAddress) })).rejects.toThrow(/no-such\.wasm/);
  });

  it("rejects for a response that was read already", async () => {
    const response = wasmResponse();
    await response.arrayBuffer();
    await expect(loadWith({ wasm: response })).rejects.toThrow(TypeError);
  });

  it.each([42, true, {}, [], null, () => bytes, Symbol("wasm")])("rejects for %o as wasm", async (wasm) => {
    await expect(loadWith({ wasm } as never)).rejects.toThrow(TypeError);
    await expect(loadWith({ wasm } as never)).rejects.toThrow(/wasm/);
  });

  it.each([null, 42, "channelwise.wasm", [], { wsam: bytes }, { wasm: bytes, simd: true }])(
    "rejects for the options %o",
    async (options) => {
      await expect(loadWith(options as never)).rejects.toThrow(TypeError);
      await expect(loadWith(options as never)).rejects.toThrow(/options/);
    },
  );
});

describe("load of channelwise/slim", () => {
  it("says that it needs the binary", async () => {
    const loadNothing = slim.load as () => Promise<Channelwise>;
    await expect(loadNothing()).rejects.toThrow(TypeError);
    await expect(loadNothing()).rejects.toThrow(/wasm/);
    await expect(slim.load({} as never)).rejects.toThrow(/wasm/);
  });
});
