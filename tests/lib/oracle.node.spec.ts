import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

function disassemble(file: string): string {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return execFileSync("wasm-objdump", ["--disassemble", path], { encoding: "utf8", maxBuffer: 2 ** 28 });
}

/** Lines with vector instructions: v128.load, f32x4.div, i16x8.narrow_i32x4_s ... */
const vectorInstruction = /\| .*\b(v128|[if](8x16|16x8|32x4|64x2))\./g;

it("the oracle is scalar: it has no vector instruction", () => {
  const code = disassemble("../../build/wasm-release/oracle.wasm");
  expect(code).toMatch(/f32\.div/);
  expect(code).toMatch(/f64\.div/);
  expect(code.match(vectorInstruction) ?? []).toEqual([]);
});

it("the shipped module is not: the same pattern finds its vector instructions", () => {
  expect(disassemble("../../dist/channelwise.wasm").match(vectorInstruction)?.length).toBeGreaterThan(100);
});
