import { checkInteger, checkNames } from "../core/arguments.js";
import { nearest } from "./nearest.js";
import type { Embeddings, IndexOptions, Metric, VectorRanges } from "./types.js";
import { checkDimensions, countVectors } from "./vectors.js";

/** Settings that `recall` tries: those of an index, and whether what it finds is rescored. */
export interface RecallSetting extends Omit<IndexOptions, "dimensions" | "metric"> {
  /** How many times k vectors are looked for, and rescored with what their codes stand for. */
  rescore?: number;
}

/** What `recall` is asked. */
export interface RecallOptions {
  /** Numbers of a vector, from 1 to 16,384. */
  dimensions: number;
  /** How close two vectors are; `"cosine"` if not given. */
  metric?: Metric;
  /** How many vectors are to be found; 1, 10 and 100 if not given, as far as there are so many. */
  k?: readonly number[];
  /** Is told how many of the settings are done, before the first and after each. What it throws ends the measurement. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Settings to begin with: every precision, and each also with rescoring, which looks for ten times as many.
 *
 * @param dimensions numbers of a vector; `"group"` is left out up to 32, where it takes as many bytes as int8.
 * @param ranges as `fitRanges` gives them: adds int8 with ranges, rounded to the nearest and as sentence-transformers does.
 */
export function usualSettings(dimensions: number, ranges?: VectorRanges): RecallSetting[] {
  const settings: RecallSetting[] = [
    { precision: "int8" },
    ...(ranges === undefined
      ? []
      : ([
          { precision: "int8", scaling: ranges },
          { precision: "int8", scaling: ranges, profile: "sentence-transformers" },
        ] as const)),
    ...(dimensions > 32 ? [{ precision: "int4", scaling: "group" } as const] : []),
    { precision: "int4" },
    { precision: "binary" },
  ];
  return settings.flatMap((setting) => [setting, { ...setting, rescore: 10 }]);
}

/** All vectors but some, and these. */
export interface LeftOut {
  /** The vectors to search, one after the other. */
  readonly others: Float32Array<ArrayBuffer>;
  /** The vectors to ask for, one after the other. */
  readonly queries: Float32Array<ArrayBuffer>;
}

/**
 * Takes some vectors out of all, evenly spread, to ask for them: 200, or a tenth where that is fewer.
 *
 * @param vectors one after the other
 * @param dimensions numbers of a vector
 * @throws {TypeError | RangeError} for what is no such vectors.
 */
export function leaveOut(vectors: Float32Array, dimensions: number): LeftOut {
  const count = countVectors("vectors", vectors, checkDimensions(dimensions));
  const asked = Math.min(200, Math.floor(count / 10));
  const queries = new Float32Array(asked * dimensions);
  const others = new Float32Array((count - asked) * dimensions);
  let taken = 0;
  for (let v = 0; v < count; v++) {
    const row = vectors.subarray(v * dimensions, (v + 1) * dimensions);
    if (Math.floor(((v + 1) * asked) / count) > taken) queries.set(row, taken++ * dimensions);
    else others.set(row, (v - taken) * dimensions);
  }
  return { others, queries };
}

/** What a setting costs. */
export interface RecallReport {
  /** The setting, as it was given. */
  readonly setting: RecallSetting;
  /** Bytes of a vector in an index. */
  readonly bytesPerVector: number;
  /** For each k, the share of the k vectors that are truly closest that are among the k that are found: the mean of all queries. */
  readonly recall: Readonly<Record<number, number>>;
}

/**
 * Measures what settings cost: how many of the vectors closest to the queries, in float32, an index finds.
 *
 * @param embeddings what `load` of `channelwise/embeddings` gives
 * @param vectors what is searched
 * @param queries vectors that are like those that will be asked for, and not among the others
 * @param settings those of an index, and whether what it finds is rescored
 * @throws {TypeError | RangeError} for wrong options, and numbers that are not finite.
 */
export function recall(
  embeddings: Embeddings,
  vectors: Float32Array,
  queries: Float32Array,
  settings: readonly RecallSetting[],
  options: RecallOptions,
): RecallReport[] {
  checkNames("options", options, ["dimensions", "metric", "k", "onProgress"]);
  const dimensions = checkDimensions(options.dimensions);
  const metric = options.metric ?? "cosine";
  const count = countVectors("vectors", vectors, dimensions);
  const queryCount = countVectors("queries", queries, dimensions);
  if (!Array.isArray(settings)) throw new TypeError("settings must be an array");
  const ks = (options.k ?? [1, 10, 100].filter((k) => k <= count)).map((k, i) => checkInteger(`k[${i}]`, k, 1, count));
  const closest = nearest(
    vectors,
    queries,
    dimensions,
    metric,
    ks.reduce((most, k) => Math.max(most, k), 0),
  );
  options.onProgress?.(0, settings.length);
  return settings.map((setting, i) => {
    const { rescore, ...coding } = setting;
    const index = embeddings.createIndex({ ...coding, dimensions, metric });
    index.add(vectors);
    const recalls = ks.map((k) => {
      const found = index.searchAll(queries, { k, ...(rescore !== undefined && { rescore }) });
      const shares = found.map(({ ids }, q) => {
        const right = new Set(closest[q]?.subarray(0, k));
        return ids.filter((id) => right.has(id)).length / k;
      });
      return [k, shares.reduce((a, b) => a + b) / queryCount] as const;
    });
    options.onProgress?.(i + 1, settings.length);
    return { setting, bytesPerVector: index.bytesPerVector, recall: Object.fromEntries(recalls) };
  });
}
