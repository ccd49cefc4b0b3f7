import { load } from "channelwise/embeddings";
import { type RecallSetting, recall } from "channelwise/recall";
import { expect, test } from "vitest";
import { dimensions, winkVectors } from "../../../scripts/embeddings/wink.mjs";

// The first 100,000 words of GloVe, except for 200 evenly spaced ones, which are the queries.
test("recall@10 of real vectors: int8 at least 0.99, int4 in groups at least 0.90", async () => {
  const [count, queryCount] = [100_000, 200];
  const all = await winkVectors(count);
  const isQuery = (v: number) => v % (count / queryCount) === 250;
  const rows = (wanted: (v: number) => boolean) => all.filter((_, i) => wanted(Math.floor(i / dimensions)));
  const settings: RecallSetting[] = [
    { precision: "int8" },
    { precision: "int4", group: 32 },
    { precision: "int4" },
    { precision: "binary" },
    { precision: "binary", rescore: 10 },
  ];
  const embeddings = await load();
  const vectors = rows((v) => !isQuery(v));
  const report = recall(embeddings, vectors, rows(isQuery), settings, { dimensions, k: [10] });
  for (const { setting, bytesPerVector, recall } of report) {
    console.log(`${JSON.stringify(setting)}: ${bytesPerVector} bytes, recall@10 ${recall[10].toFixed(3)}`);
  }
  const [int8, groups, int4, binary, rescored] = report.map(({ recall }) => recall[10]);
  expect(int8).toBeGreaterThanOrEqual(0.99);
  expect(groups).toBeGreaterThanOrEqual(0.9);
  expect(groups).toBeGreaterThan(int4);
  expect(rescored).toBeGreaterThan(binary);
});
