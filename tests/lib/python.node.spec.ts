import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { matrixToHex } from "./hex-floats.js";
import { type Floats, randomPatterns, ties, uniform } from "./random.js";
import { expectReferenceAnswer, parseAnswers } from "./reference-answer.js";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function python(args: readonly string[], input = ""): string {
  const run = spawnSync("python3", args, { input, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (run.status !== 0) throw new Error(`python3 ${args.join(" ")}: ${run.error ?? run.stderr}`);
  return run.stdout;
}

function rowsOf(weights: Floats, columns: number): number[][] {
  return Array.from({ length: weights.length / columns }, (_, row) =>
    Array.from(weights.subarray(row * columns, (row + 1) * columns)),
  );
}

/** Rows of very different magnitudes, the squares of whose errors a float64 still holds: Python does not scale them. */
function wide(rows: number, columns: number, seed: number): number[][] {
  const exponents = uniform("float64", rows, seed).map((x) => Math.round(450 * x));
  return rowsOf(randomPatterns("float64", rows * columns, seed, columns), columns).map((row, r) => {
    const largest = Math.max(...row.map(Math.abs));
    return row.map((weight) => (weight / largest) * 2 ** exponents[r]);
  });
}

const python3Runs = spawnSync("python3", ["--version"]).status === 0;

// Where there is no python3, golden.spec.ts checks the values that it once gave.
describe.runIf(python3Runs)("reference.py", () => {
  it("gives the golden values", () => {
    expect(python([file("reference.py"), "golden"])).toBe(readFileSync(file("golden.jsonl"), "utf8"));
  });

  it.each([2, 3, 4, 7, 8, 9, 12, 16])("gives the library's bits at %i bits", async (bits) => {
    const channelwise = await load();
    const matrices = [
      rowsOf(uniform("float64", 40 * 67, bits), 67),
      rowsOf(uniform("float64", 300, bits), 1),
      rowsOf(uniform("float64", 5000, bits), 5000),
      rowsOf(ties("float64", 200 * 16, bits, bits), 16),
      wide(100, 19, bits),
      wide(1, 3000, bits),
    ];
    const jobs = matrices.map((rows) => JSON.stringify({ bits, rows: matrixToHex(rows) })).join("\n");
    const answers = parseAnswers(python([file("reference.py")], jobs));
    expect(answers).toHaveLength(matrices.length);
    for (const answer of answers) expectReferenceAnswer(channelwise, answer);
  });
});
