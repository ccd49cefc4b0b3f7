// More tensors than a call takes arguments. Arguments lie on the stack, which is small here, so that fewer tensors
// suffice.

import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { safetensorsFile } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node, tensor } from "../lib/onnx/models.js";
import { Workplace } from "./command.js";

const COUNT = 10_000;
/** The size of the stack in KB, with which a call takes some 8,300 arguments. */
const STACK = 70;
const numbers = Array.from({ length: COUNT }, (_, i) => i);

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeFileSync(place.path("run.mjs"), program);
  const entries = numbers.map((i) => [`w${i}`, { dtype: "F32", shape: [2], data_offsets: [8 * i, 8 * i + 8] }]);
  const data = Float32Array.from({ length: 2 * COUNT }, (_, i) => i % 1000);
  writeFileSync(
    place.path("many.safetensors"),
    safetensorsFile(Object.fromEntries(entries), new Uint8Array(data.buffer)),
  );
});
afterAll(() => place.remove());

/** Runs a command in the main thread: the size of the stack is that of no other. */
const program = `
  import { run } from ${JSON.stringify(new URL("../../dist/cli/run.js", import.meta.url))};
  const streamOf = (name) => ({ isTerminal: false, columns: 80, write: (text) => process[name].write(text) });
  const context = { stdout: streamOf("stdout"), stderr: streamOf("stderr"), begin() {}, written() {} };
  process.exitCode = await run(process.argv.slice(2), { ...context, signal: new AbortController().signal });`;

const run = (...args: string[]) =>
  place.runProgram(process.execPath, [`--stack-size=${STACK}`, place.path("run.mjs"), ...args]);

const rows = (stdout: string) => stdout.split("\n").filter((line) => /^w\d+ /.test(line));

it("are shown", async () => {
  const { code, stdout, stderr } = await run("inspect", "many.safetensors");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(rows(stdout)).toHaveLength(COUNT);
  expect(rows(stdout).at(-1)).toMatch(/^w9999 +2 +float32 +8 B$/);
});

it("are planned", async () => {
  const { code, stdout, stderr } = await run("quantize", "many.safetensors", "--include", "*", "--dry-run");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(rows(stdout)).toHaveLength(COUNT);
  expect(stdout).toMatch(/^many\.safetensors {2}safetensors, 10,000 tensors, /);
});

it("are written", async () => {
  const args = ["--include", `w${COUNT - 1}`, "-o", "out.safetensors"];
  expect(await run("quantize", "many.safetensors", ...args)).toMatchObject({ code: 0, stderr: "" });
  const { quantized, kept } = JSON.parse((await run("inspect", "out.safetensors", "--json")).stdout);
  expect([quantized.length, kept.length]).toEqual([1, COUNT - 1]);
});

it("are planned of an .onnx model", async () => {
  const initializer = numbers.map((i) => tensor(`w${i}`, [1, 1], Float32Array.of(i)));
  const nodes = numbers.map((i) => node("MatMul", [`h${i}`, `w${i}`], [`h${i + 1}`]));
  const graph = { input: [float("h0", [1, 1])], output: [float(`h${COUNT}`, [1, 1])], initializer, node: nodes };
  writeFileSync(place.path("many.onnx"), modelBytes({ opset: 13, graph }));
  const planned = await run("quantize", "many.onnx", "--include", "*", "--dry-run");
  expect({ ...planned, stdout: rows(planned.stdout).length }).toEqual({ code: 0, stdout: COUNT, stderr: "" });
});
