import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { beforeAll, expect, test } from "vitest";

const wasm = createRequire(import.meta.url).resolve("channelwise/channelwise.wasm");

/** The number of times each instruction occurs in the shipped binary. */
const instructions = new Map<string, number>();

beforeAll(() => {
  const listing = execFileSync("wasm-objdump", ["--disassemble", wasm], { encoding: "utf8", maxBuffer: 2 ** 28 });
  // " 00062f: fd 5f                      |     f64x2.promote_low_f32x4"
  for (const [, name] of listing.matchAll(/\|\s+([a-z0-9_.]+)/g)) {
    instructions.set(name, (instructions.get(name) ?? 0) + 1);
  }
});

test.for([
  { step: "the range of a channel, float32", names: ["v128.load", "v128.and", "i32x4.max_u"] },
  { step: "the range of a channel, float64", names: ["f64x2.abs", "i64x2.gt_s", "v128.bitselect"] },
  { step: "codes of float32 weights", names: ["f32x4.div", "f32x4.pmin", "f32x4.pmax", "f32x4.add", "i32x4.sub"] },
  { step: "codes of float64 weights", names: ["f64x2.div", "f64x2.pmin", "f64x2.pmax", "f64x2.add"] },
  {
    step: "narrowing to int8 and int16",
    names: ["i16x8.narrow_i32x4_s", "i8x16.narrow_i16x8_s", "v128.store64_lane", "v128.store"],
  },
  { step: "dequantized weights", names: ["f32x4.mul", "f64x2.mul"] },
  { step: "error figures, in float64", names: ["f64x2.promote_low_f32x4", "f64x2.sub", "f64x2.add"] },
  { step: "half precision", names: ["v128.load16x4_u", "v128.bitselect"] },
  { step: "widening of stored codes", names: ["v128.load8x8_s", "i32x4.extend_low_i16x8_s", "f32x4.convert_i32x4_s"] },
])("$step: $names", ({ names }) => {
  expect(names.filter((name) => !instructions.has(name))).toEqual([]);
});

test("no relaxed instruction, whose result depends on the machine", () => {
  expect([...instructions.keys()].filter((name) => name.includes("relaxed"))).toEqual([]);
});

test("the memory cannot grow", () => {
  expect(instructions.has("memory.grow")).toBe(false);
  const details = execFileSync("wasm-objdump", ["--details", "--section=memory", wasm], { encoding: "utf8" });
  const [, initial, maximum] = /initial=(\d+) max=(\d+)/.exec(details) ?? [];
  expect(initial).toBe(maximum);
  expect(Number(initial) * 65_536).toBeLessThanOrEqual(4 * 2 ** 20);
});
