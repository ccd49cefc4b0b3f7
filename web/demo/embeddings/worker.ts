import { type Embeddings, load, type Metric, type VectorRanges } from "channelwise/embeddings";
import { leaveOut, recall, usualSettings } from "channelwise/recall";
import type { Source } from "../protocol.js";
import { readTensor } from "../worker/read-tensor.js";
import type { EmbeddingQuestions, Measured, Progress } from "./protocol.js";

type Question = keyof EmbeddingQuestions;

/** The last measurement. */
interface Held {
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly dimensions: number;
  readonly metric: Metric;
  readonly ranges: VectorRanges;
}

let held: Held;

const answers: {
  [T in Question]: (
    given: EmbeddingQuestions[T]["given"],
    embeddings: Embeddings,
    progress: (progress: Progress) => void,
  ) => Promise<EmbeddingQuestions[T]["answer"]>;
} = {
  async measure({ source, metric }, embeddings, progress) {
    const { vectors, dimensions } = await vectorsOf(source);
    held = { vectors, dimensions, metric, ranges: embeddings.fitRanges(vectors, { dimensions }) };
    const { others, queries } = leaveOut(vectors, dimensions);
    const onProgress = (done: number, total: number) => progress({ done, total });
    const settings = usualSettings(dimensions, held.ranges);
    const report = recall(embeddings, others, queries, settings, { dimensions, metric, onProgress });
    const measured = report.map(({ setting, ...rest }): Measured => {
      const { scaling, ...others } = setting;
      const named = typeof scaling === "object" ? "ranges" : scaling === "group" ? scaling : undefined;
      return { setting: { ...others, ...(named && { scaling: named }) }, ...rest };
    });
    return { measured, vectors: others.length / dimensions, queries: queries.length / dimensions };
  },
  async save({ scaling, rescore: _, ...options }, embeddings) {
    const { vectors, dimensions, metric, ranges } = held;
    const own = scaling === "ranges" ? ranges : scaling;
    const index = embeddings.createIndex({ ...options, dimensions, metric, ...(own && { scaling: own }) });
    index.add(vectors);
    return {
      index: new Blob([index.save()]),
      ranges: scaling === "ranges" ? new Blob([JSON.stringify(ranges)], { type: "application/json" }) : undefined,
    };
  },
};

async function vectorsOf(source: Source): Promise<{ vectors: Float32Array<ArrayBuffer>; dimensions: number }> {
  const { values, shape } = await readTensor(source);
  return { vectors: Float32Array.from(values), dimensions: shape[1] };
}

self.addEventListener("message", async ({ data }: MessageEvent<{ id: number; question: Question; given: never }>) => {
  const { id, question, given } = data;
  try {
    const answer = await answers[question](given, await load(), (progress) => self.postMessage({ id, progress }));
    self.postMessage({ id, answer });
  } catch (error) {
    self.postMessage({ id, failure: (error as Error).message });
  }
});
