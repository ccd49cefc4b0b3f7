import { type CodedVectors, load } from "channelwise/embeddings";
import { type RecallSetting, recall } from "channelwise/recall";
import { expect, test } from "vitest";
import { dimensions, winkVectors } from "../../../scripts/embeddings/wink.mjs";

// The first 100,000 words of GloVe, except for 200 evenly spaced ones, which are the queries.
const [count, queryCount] = [100_000, 200];
const all = await winkVectors(count);
const isQuery = (v: number) => v % (count / queryCount) === 250;
const vectors = new Float32Array((count - queryCount) * dimensions);
const queries = new Float32Array(queryCount * dimensions);
for (let v = 0, [others, asked] = [0, 0]; v < count; v++) {
  const row = all.subarray(v * dimensions, (v + 1) * dimensions);
  if (isQuery(v)) queries.set(row, asked++ * dimensions);
  else vectors.set(row, others++ * dimensions);
}
const embeddings = await load();

test("recall@10 of real vectors: int8 at least 0.99, int4 in groups at least 0.93", () => {
  const settings: RecallSetting[] = [
    { precision: "int8" },
    { precision: "int4", scaling: "group" },
    { precision: "int4" },
    { precision: "binary" },
    { precision: "binary", rescore: 10 },
  ];
  const report = recall(embeddings, vectors, queries, settings, { dimensions, k: [10] });
  for (const { setting, bytesPerVector, recall } of report) {
    console.log(`${JSON.stringify(setting)}: ${bytesPerVector} bytes, recall@10 ${recall[10].toFixed(3)}`);
  }
  const [int8, groups, int4, binary, rescored] = report.map(({ recall }) => recall[10]);
  expect(int8).toBeGreaterThanOrEqual(0.99);
  expect(groups).toBeGreaterThanOrEqual(0.93);
  expect(int4).toBeGreaterThanOrEqual(0.88);
  expect(rescored).toBeGreaterThan(binary);
});

/** The mean squared error of codes, in steps of their dimension. */
function squaredError(coded: CodedVectors, lows: readonly number[], highs: readonly number[]) {
  const steps = Float64Array.from(lows, (low, d) => (highs[d] - low) / 255);
  const decoded = embeddings.decode(coded);
  let sum = 0;
  for (let i = 0; i < decoded.length; i++) sum += ((decoded[i] - vectors[i]) / steps[i % steps.length]) ** 2;
  return sum / decoded.length;
}

// Scoring a query in JavaScript takes as long as all that an index does for it: half of the queries are enough.
const some = queries.subarray(0, (queryCount / 2) * dimensions);

/** The share of the 10 closest by float32 that an index of codes finds. */
function recallOf(coded: CodedVectors, truth: readonly Uint32Array[]) {
  const { profile, scaling } = coded;
  const index = embeddings.createIndex({ dimensions, scaling, ...(profile && { profile }) });
  index.add(coded);
  const found = index.searchAll(some, { k: 10 });
  return (
    found.reduce((sum, { ids }, q) => sum + ids.filter((id) => truth[q].includes(id)).length / 10, 0) / found.length
  );
}

test("levels that are rounded down are as good as rounded ones, where half a step is added", () => {
  const ranges = embeddings.fitRanges(vectors, { dimensions });
  const rounded = embeddings.encode(vectors, ranges);
  const floored = embeddings.encode(vectors, ranges, { profile: "sentence-transformers" });
  // As one who does not know of the half step reads them: low + step * level.
  const { profile: _, ...misread } = floored;
  const truth = Array.from({ length: some.length / dimensions }, (_, q) =>
    closest(some.subarray(q * dimensions, (q + 1) * dimensions)),
  );
  const forms = { rounded, "rounded down": floored, "rounded down, read without half a step": misread };
  const [ofRounded, ofFloored, ofMisread] = Object.entries(forms).map(([name, coded]) => {
    const error = squaredError(coded, ranges.lows, ranges.highs);
    const recall = recallOf(coded, truth);
    console.log(`${name}: mean squared error ${error.toFixed(4)} steps^2, recall@10 ${recall.toFixed(4)}`);
    return { error, recall };
  });
  expect(ofFloored.error / ofRounded.error).toBeCloseTo(1, 1);
  expect(ofMisread.error / ofRounded.error).toBeCloseTo(4, 0);
  expect(ofRounded.recall).toBeGreaterThanOrEqual(0.98);
});

/** The 10 vectors with the largest cosines, by float32 numbers in float64. */
function closest(query: Float32Array): Uint32Array {
  // What is imported is slow to read in a loop: Vitest makes each use a call.
  const width = query.length;
  const scores = new Float64Array(vectors.length / width);
  for (let v = 0, at = 0; v < scores.length; v++) {
    let [dot, squares] = [0, 0];
    for (let d = 0; d < width; d++, at++) {
      const x = vectors[at];
      dot += x * query[d];
      squares += x * x;
    }
    scores[v] = dot / Math.sqrt(squares);
  }
  const least = scores.slice().sort().at(-10) as number;
  const found: number[] = [];
  for (let v = 0; v < scores.length; v++) if (scores[v] >= least) found.push(v);
  return Uint32Array.from(found);
}
