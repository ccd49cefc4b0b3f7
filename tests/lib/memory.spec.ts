import { load, type QuantizeOptions } from "channelwise";
import { describe, expect, it, vi } from "vitest";
import { type Floats, floatTypes, newFloats, uniform } from "./random.js";
import { readWasm } from "./wasm-file.js";

/** Loads an instance of its own, and captures its memory. */
async function loadWithMemory() {
  const memories: WebAssembly.Memory[] = [];
  const instantiate = WebAssembly.instantiate as (module: WebAssembly.Module, imports?: WebAssembly.Imports) => unknown;
  const spy = vi.spyOn(WebAssembly, "instantiate").mockImplementation((async (
    module: WebAssembly.Module,
    imports?: WebAssembly.Imports,
  ) => {
    const instance = (await instantiate(module, imports)) as WebAssembly.Instance;
    const values = [...Object.values(instance.exports), ...Object.values(imports ?? {}).flatMap(Object.values)];
    memories.push(...values.filter((value) => value instanceof WebAssembly.Memory));
    return instance;
  }) as never);
  const channelwise = await load({ wasm: new WebAssembly.Module(await readWasm()) });
  spy.mockRestore();
  expect(memories).toHaveLength(1);
  return { channelwise, memory: memories[0] };
}

const { channelwise, memory } = await loadWithMemory();
const before = memory.buffer;

function expectMemoryUnchanged() {
  expect(memory.buffer).toBe(before); // growth would have replaced it
  expect(memory.buffer.byteLength).toBeLessThanOrEqual(4 * 2 ** 20);
}

describe.each(floatTypes)("the memory stays as it is with %s weights", (type) => {
  const million = 2 ** 20;
  const weights = repeated(uniform(type, million, 1), 20);
  const last = weights.length - 1;
  weights[last] = 0.75;

  function repeated(pattern: Floats, times: number): Floats {
    const all = newFloats(type, pattern.length * times);
    for (let i = 0; i < times; i++) all.set(pattern, i * pattern.length);
    return all;
  }

  it.each<QuantizeOptions>([
    { shape: [1, 20 * million] },
    { granularity: "tensor" },
    { shape: [5120, 4096], axis: 1 },
    { shape: [20, 1024, 1024], axis: 1 },
    { shape: [20 * million, 1] },
    { shape: [10_240, 2048], granularity: { group: 32, along: -1 } },
  ])("20 million, %j", (options) => {
    const result = channelwise.quantize(weights, options);
    expect(result.quantized).toHaveLength(weights.length);
    const dequantized = channelwise.dequantize(result);
    expect(dequantized).toHaveLength(weights.length);
    expect(dequantized[last]).toBeCloseTo(0.75, 2); // the last weight was quantized too
    expectMemoryUnchanged();
  });
});
