import { readFileSync, writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { main, Workplace } from "./command.js";
import { writeModel } from "./models.js";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeModel(place.path("model.safetensors"));
});
afterAll(() => place.remove());

/** Only the path is kept: Node looks at other variables for colours, such as CI (tty.WriteStream.getColorDepth). */
const nothingElse = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
const { PATH } = process.env;

/** Runs a command on a terminal with this number of columns, which util-linux's script makes. */
function onTerminal(columns: number, args: string[], env: NodeJS.ProcessEnv = {}) {
  const words = [process.execPath, main, ...args].map((word) => `'${word}'`).join(" ");
  const command = `stty cols ${columns} rows 24; ${words}`;
  return place.runProgram("script", ["-qefc", command, "/dev/null"], {
    env: { ...nothingElse, PATH, TERM: "xterm-256color", ...env },
    started: (child) => child.stdin?.end(),
  });
}

/** Everything that was ever visible, line by line. */
const linesOf = (output: string) => stripVTControlCharacters(output).split(/[\r\n]+/);

const ESCAPE = "\x1b[";
/** The sequence that removes the line. */
const CLEARED = `\r${ESCAPE}K`;
const hasColours = (output: string) => output.split(ESCAPE).some((after) => /^\d+(;\d+)*m/.test(after));

describe.each([80, 120])("on a terminal of %i columns", (columns) => {
  it("shows what will be done, the progress and what it cost, and fits", async () => {
    const args = ["quantize", "model.safetensors", "--force"];
    const { code, stdout } = await onTerminal(columns, args);
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    expect(lines.slice(0, 4)).toEqual([
      "model.safetensors  safetensors, 10 tensors, 84.0 KB",
      "  quantize  6 tensors  81.9 KB  8 bits per channel, axis 0",
      "  keep      4 tensors  1.28 KB  a vector",
      "to model-int8.safetensors  24.9 KB",
    ]);
    expect(stdout).toMatch(/━.* \d+ % {2}.* of 84\.0 KB {2}.*\/s/);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    const [beforeTable] = stdout.split("tensor, worst first");
    expect(stripVTControlCharacters(beforeTable.slice(beforeTable.lastIndexOf(CLEARED))).trim()).toBe("");
    expect(lines.filter((line) => /^\S+\.weight +.* dB/.test(line))).toHaveLength(6);
    expect(lines.some((line) => / 128 x 32 /.test(line))).toBe(columns === 120);
  });
});

it("shows one progress of several files", async () => {
  for (const name of ["a.csv", "b.csv"]) writeFileSync(place.path(name), "1 2\n3 4\n");
  const { stdout } = await onTerminal(80, ["quantize", "a.csv", "b.csv", "-o", "out", "--force"]);
  expect(linesOf(stdout)).toContain("2 files  2 tensors, 16 B");
  const shares = [...stdout.matchAll(/ (\d+) % {2}/g)].map(([, percent]) => Number(percent));
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(100);
});

it("shows colours, but with NO_COLOR or on a dumb terminal", async () => {
  const args = ["quantize", "model.safetensors", "--force"];
  expect(hasColours((await onTerminal(80, args)).stdout)).toBe(true);
  const plain = await onTerminal(80, args, { NO_COLOR: "1" });
  expect(hasColours(plain.stdout)).toBe(false);
  expect(plain.stdout).toContain("━");
  expect((await onTerminal(80, args, { TERM: "dumb" })).stdout).not.toContain(ESCAPE);
});

it("is quiet in a pipe", async () => {
  const { stdout, stderr } = await place.run("quantize", "model.safetensors", "--force");
  expect(stderr).toBe("");
  expect(stdout).not.toContain(ESCAPE);
  expect(stdout).toMatch(/^tensor, worst first/);
});

it("says in a line that standard output cannot be written", async () => {
  const command = `'${process.execPath}' '${main}' inspect model.safetensors > /dev/full`;
  expect(await place.runProgram("sh", ["-c", command])).toEqual({
    code: 1,
    stdout: "",
    stderr: "channelwise: standard output: no space left on the disk\n",
  });
});

it("says then that the output is written", async () => {
  const command = `'${process.execPath}' '${main}' quantize model.safetensors -o whole.safetensors > /dev/full`;
  expect(await place.runProgram("sh", ["-c", command])).toMatchObject({
    code: 1,
    stderr: "channelwise: standard output: no space left on the disk; the output is\n",
  });
  await place.json("quantize", "model.safetensors", "-o", "same.safetensors");
  expect(readFileSync(place.path("whole.safetensors"))).toEqual(readFileSync(place.path("same.safetensors")));
});

it("does not mind a reader that stops, as head does", async () => {
  const command = `'${process.execPath}' '${main}' inspect model.safetensors | head -n 1`;
  const { stdout, stderr } = await place.runProgram("sh", ["-c", command]);
  expect({ stdout, stderr }).toEqual({ stdout: "model.safetensors  safetensors, 10 tensors, 83.2 KB\n", stderr: "" });
  // The results do not depend on the output's kind.
  await place.json("quantize", "model.safetensors", "-o", "int2.safetensors", "--bits", "2");
  const check = `'${process.execPath}' '${main}' compare model.safetensors int2.safetensors --min-sqnr 60`;
  const { stdout: code } = await place.runProgram("sh", ["-c", `(${check}; echo $? >code) | true; cat code`]);
  expect(code).toBe("3\n");
});
