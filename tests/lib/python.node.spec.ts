import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { referenceJson, roundTo8 } from "../../web/demo/reference-json.js";
import { matrixFromHex, matrixToHex } from "./hex-floats.js";
import { type Floats, randomPatterns, ties, uniform } from "./random.js";
import { expectReferenceAnswer, parseAnswers, type ReferenceAnswer } from "./reference-answer.js";

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

/** Rows of very different magnitudes whose squared errors a float64 still holds: Python does not scale them. */
function wide(rows: number, columns: number, seed: number): number[][] {
  const exponents = uniform("float64", rows, seed).map((x) => Math.round(450 * x));
  return rowsOf(randomPatterns("float64", rows * columns, seed, columns), columns).map((row, r) => {
    const largest = Math.max(...row.map(Math.abs));
    return row.map((weight) => (weight / largest) * 2 ** exponents[r]);
  });
}

/** The answers of reference.py to matrices. */
function answersTo(matrices: readonly (readonly (readonly number[])[])[], bits: number): ReferenceAnswer[] {
  const jobs = matrices.map((rows) => JSON.stringify({ bits, rows: matrixToHex(rows) })).join("\n");
  const answers = parseAnswers(python([file("reference.py")], jobs));
  expect(answers).toHaveLength(matrices.length);
  return answers;
}

const python3Runs = spawnSync("python3", ["--version"]).status === 0;

// Without python3, golden.spec.ts checks earlier answers.
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
    for (const answer of answersTo(matrices, bits)) expectReferenceAnswer(channelwise, answer);
  });

  it.each([2, 4, 8, 16])("returns the dictionary that we write, at %i bits", async (bits) => {
    const channelwise = await load();
    const matrices = [
      rowsOf(uniform("float64", 40 * 67, bits), 67),
      rowsOf(ties("float64", 200 * 16, bits, bits), 16).map((row) => row.map((weight) => weight / 4096)),
      [[1 / 512], [-3 / 512], [0], [1e-9]],
    ];
    for (const { rows, dictionary } of answersTo(matrices, bits)) {
      const result = channelwise.quantize(matrixFromHex(rows), { bits, dequantize: true });
      expect(JSON.parse(referenceJson(result))).toEqual(dictionary);
    }
  });

  it("rounds to 8 decimals as we do", () => {
    // At 2 bits, the scale of a row of one weight is its magnitude.
    const random = Array.from(uniform("float64", 4000, 1));
    const numbers = [
      ...random,
      ...random.map((x) => x * 1e-6),
      ...random.map((x) => x * 1e6),
      ...random.map((x) => (Math.round(x * 1e5) + 0.5) * 1e-8), // near a tie
      ...random.map((x) => Math.round(x * 1e6) / 512), // with ties among them
    ].map(Math.abs);
    const [{ dictionary }] = answersTo([numbers.map((x) => [x])], 2);
    expect(numbers.map((x) => roundTo8(x || 1))).toEqual(dictionary.scales);
  });
});
