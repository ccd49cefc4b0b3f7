import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const runs = (python: string, code: string) => spawnSync(python, ["-c", code]).status === 0;
const output = (python: string, name: string) => spawnSync(python, [file(name)], { encoding: "utf8" }).stdout;

// Where a Python is missing, golden.spec.ts checks earlier answers.
describe.runIf(runs("python3", ""))("reference.py", () => {
  it("gives the golden values", () => {
    expect(output("python3", "reference.py")).toBe(readFileSync(file("golden.jsonl"), "utf8"));
  });
});

describe.runIf(runs("/usr/bin/python3", "import torch"))("PyTorch", () => {
  it("gives the golden values of its profile", () => {
    expect(JSON.parse(output("/usr/bin/python3", "pytorch.py"))).toEqual({ rows: 23, differing: [] });
  });
});
