import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { load } from "channelwise/embeddings";
import { writeNpy } from "channelwise/npy";
import { afterAll, beforeAll, expect, it } from "vitest";
import { normalVectors } from "../lib/embeddings/vectors.js";
import { Workplace } from "./command.js";

const [count, dimensions] = [500, 48];
const vectors = normalVectors(count, dimensions, 1);
const questions = normalVectors(7, dimensions, 2);

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeFileSync(place.path("vectors.npy"), writeNpy(vectors, [count, dimensions]));
  writeFileSync(place.path("questions.npy"), writeNpy(questions, [7, dimensions]));
});
afterAll(() => place.remove());

it("reports the recall of every precision, with and without rescoring", async () => {
  const { report, ...others } = await place.json("embeddings", "vectors.npy", "--report", "--queries", "questions.npy");
  expect(others).toMatchObject({ input: "vectors.npy", count, dimensions, metric: "cosine" });
  const settings = report.map(({ setting }: { setting: object }) => setting);
  expect(settings).toEqual(
    [
      { precision: "int8" },
      { precision: "int8", scaling: "ranges" },
      { precision: "int8", scaling: "ranges", profile: "sentence-transformers" },
      { precision: "int4", scaling: "group" },
      { precision: "int4" },
      { precision: "binary" },
    ].flatMap((setting) => [setting, { ...setting, rescore: 10 }]),
  );
  const [int8] = report;
  const binary = report.at(-2);
  expect(int8.bytesPerVector).toBe(48 + 4 + 4);
  expect(Object.keys(int8.recall)).toEqual(["1", "10", "100"]);
  expect(int8.recall[10]).toBeGreaterThan(0.95);
  expect(binary).toMatchObject({ bytesPerVector: 16 });
  expect(binary.recall[10]).toBeLessThan(int8.recall[10]);

  const { stdout } = await place.run("embeddings", "vectors.npy");
  expect(stdout).toMatch(/^setting +bytes +recall@1 +recall@10 +recall@100\nfloat32 +192 +1\.000/);
  expect(stdout).toMatch(/\nint4, group, 10 x rescored +56 /);
});

it("writes into a folder, under the name of the vectors", async () => {
  const files = await place.json("embeddings", "vectors.npy", "-o", "codes", "--scaling", "ranges");
  expect(files).toMatchObject({ output: "codes/vectors-int8.index", ranges: "codes/vectors-int8-ranges.json" });
  expect(readFileSync(place.path(files.output)).length).toBe(files.bytes);
});

it("writes an index that the library loads", async () => {
  const options = ["--precision", "int4", "--scaling", "group", "--metric", "dot"];
  const { output, bytes } = await place.json("embeddings", "vectors.npy", "-o", "out/vectors.index", ...options);
  const saved = readFileSync(place.path(output));
  expect(bytes).toBe(saved.length);
  const embeddings = await load();
  const index = embeddings.loadIndex(saved);
  expect(index).toMatchObject({ size: count, dimensions, metric: "dot" });
  const coded = embeddings.encode(vectors, "group", { dimensions, precision: "int4" });
  expect(index.vector(3)).toEqual(embeddings.decode(coded).slice(3 * dimensions, 4 * dimensions));
});

it("writes the ranges that it finds, and uses those that are given", async () => {
  const { ranges } = await place.json("embeddings", "vectors.npy", "-o", "first.index", "--scaling", "ranges");
  expect(ranges).toBe("first-ranges.json");
  const found = JSON.parse(readFileSync(place.path(ranges), "utf8"));
  expect(found).toEqual((await load()).fitRanges(vectors, { dimensions }));

  const told = await place.json("embeddings", "questions.npy", "-o", "second.index", "--ranges", ranges);
  expect(told.ranges).toBeUndefined();
  const embeddings = await load();
  const second = embeddings.loadIndex(readFileSync(place.path("second.index")));
  expect(second.vector(0)).toEqual(embeddings.decode(embeddings.encode(questions.slice(0, dimensions), found)));
});

it("refuses what is no embeddings, and says why", async () => {
  const withNaN = vectors.slice();
  withNaN[dimensions + 3] = Number.NaN;
  writeFileSync(place.path("nan.npy"), writeNpy(withNaN, [count, dimensions]));
  writeFileSync(place.path("row.npy"), writeNpy(vectors.slice(0, 5), [5]));
  writeFileSync(place.path("none.npy"), writeNpy(new Float32Array(0), [0, 64]));
  writeFileSync(place.path("codes.npy"), writeNpy(new Int8Array(8), [2, 4]));
  writeFileSync(place.path("short.npy"), writeNpy(new Float32Array(6).fill(1), [3, 2]));
  writeFileSync(place.path("zero.npy"), writeNpy(new Float32Array(60).fill(0), [30, 2]));
  const found = await place.json("embeddings", "vectors.npy", "-o", "a.index", "--scaling", "ranges");
  const changed = { ...JSON.parse(readFileSync(place.path(found.ranges), "utf8")), dimensions: 47 };
  writeFileSync(place.path("changed.json"), JSON.stringify(changed));
  execFileSync("mkfifo", [place.path("pipe")]); // to which nobody writes
  const cases: [line: string, code: number, message: string][] = [
    ["nan.npy -o b.index", 1, "nan.npy: vector 1, dimension 3 is NaN; vectors must be finite float32 numbers"],
    ["nan.npy --report", 1, "nan.npy: vector 1, dimension 3 is NaN"],
    ["none.npy", 1, "its shape is (0, 64): it is empty"],
    ["row.npy", 1, "its shape is (5); embeddings are rows of an array of two dimensions"],
    ["codes.npy", 1, "it holds integers; give the vectors as floats"],
    ["short.npy", 2, "short.npy has 3 vectors, too few to ask for some of them; give --queries"],
    ["zero.npy -o b.index", 1, "zero.npy: vector 0 is zero and has no direction, which a cosine needs"],
    ["vectors.npy --queries short.npy", 2, "short.npy has vectors of 2 dimensions; they must have 48"],
    ["vectors.npy --metric angle", 2, "--metric is angle; it must be one of cosine, dot, euclid"],
    ["vectors.npy -o b.index --precision int2", 2, "--precision is int2; it must be one of int8, int4, binary"],
    ["vectors.npy -o b.index --scaling group", 1, 'scaling is "group", which needs precision "int4", not "int8"'],
    ["vectors.npy -o b.index --ranges changed.json", 1, "ranges.lows and ranges.highs must be arrays of 47 numbers"],
    ["vectors.npy -o a.index", 1, "a.index exists; give another name with -o, or --force to replace"],
    ["vectors.npy -o vectors.npy --force", 2, "the output vectors.npy is an input too"],
    ["vectors.npy --queries questions.npy -o questions.npy --force", 2, "the output questions.npy is an input too"],
    ["vectors.npy --ranges changed.json -o changed.json --force", 2, "the output changed.json is an input too"],
    ["missing.npy", 1, "missing.npy: no such file or folder"],
    ["pipe", 1, "pipe is not a file: it is a pipe; save its output, and give that file"],
    ["vectors.npy --queries pipe", 1, "pipe is not a file: it is a pipe"],
    ["vectors.npy -o b.index --ranges pipe", 1, "pipe is not a file: it is a pipe"],
    [".", 1, "is not a file: it is a folder; give a file in it"],
  ];
  for (const [line, code, message] of cases) {
    const ended = await place.run("embeddings", ...line.split(" "));
    expect(ended.stderr, line).toContain(message);
    expect(ended.code, line).toBe(code);
  }
  expect(place.list()).not.toContain("b.index");
});
