import { checkBoolean, checkInteger, checkNames, shown } from "../core/arguments.js";
import { type Asked, ask, isCoded, takeSameCoding } from "./ask.js";
import { type Coding, codingOptions, takeCoding } from "./coding.js";
import { fillWithCodes, fillWithVectors } from "./fill.js";
import { type Kernels, newKernels } from "./kernels.js";
import { Memory } from "./memory.js";
import { Places } from "./places.js";
import { exactScore, scoreOf } from "./query.js";
import { Rows } from "./rows.js";
import { readSaved, restoreRows, type SavedRows, saveIndex } from "./saved.js";
import { type Found, queryLength, searchRows } from "./search.js";
import type {
  CodedVectors,
  Hits,
  IndexOptions,
  LoadIndexOptions,
  Metric,
  SearchOptions,
  VectorIndex,
} from "./types.js";
import { countVectors } from "./vectors.js";

/** {@link Embeddings.createIndex} */
export function createIndex(module: WebAssembly.Module, options: IndexOptions): Index {
  checkNames("options", options, [...codingOptions, "scaling", "metric"]);
  const { scaling = "row", metric = "cosine", ...codes } = options;
  const coding = takeCoding(scaling, codes);
  if (coding.precision === "uint8")
    throw new RangeError('precision is "uint8"; an index has "int8" with the same ranges');
  return new Index(newKernels(module), coding, checkMetric(metric));
}

/** {@link Embeddings.loadIndex} */
export function loadIndex(
  module: WebAssembly.Module,
  bytes: ArrayBuffer | Uint8Array,
  options: LoadIndexOptions = {},
): Index {
  checkNames("options", options, ["copy"]);
  const { copy = true } = options;
  checkBoolean("copy", copy);
  const saved = readSaved(bytes);
  const index = createIndex(module, saved.options);
  index.restore(saved, copy);
  return index;
}

export function checkMetric(metric: unknown): Metric {
  if (metric === "cosine" || metric === "dot" || metric === "euclid") return metric;
  throw new RangeError(`metric is ${shown(metric)}; it must be cosine, dot or euclid`);
}

/** An index in the memory of its own kernels. */
export class Index implements VectorIndex {
  readonly dimensions: number;
  readonly metric: Metric;
  /** @internal */
  readonly coding: Coding;
  readonly #kernels: Kernels;
  readonly #memory: Memory;
  readonly #rows: Rows;
  #places = new Places();

  constructor(kernels: Kernels, coding: Coding, metric: Metric) {
    this.dimensions = coding.dimensions;
    this.metric = metric;
    this.coding = coding;
    this.#kernels = kernels;
    this.#memory = new Memory(kernels);
    this.#rows = new Rows(this.#memory, coding, metric);
  }

  get size(): number {
    return this.#places.count;
  }

  get end(): number {
    return this.#places.end;
  }

  get bytesPerVector(): number {
    const { codes, scales, factors, offsets } = this.#rows.bytes;
    return codes + scales + factors + offsets;
  }

  add(vectors: Float32Array | CodedVectors): Uint32Array<ArrayBuffer> {
    const coded = isCoded(vectors) ? takeSameCoding("vectors", vectors, this.coding) : undefined;
    const count = coded?.count ?? countVectors("vectors", vectors, this.dimensions);
    const places = this.#places.next(count);
    this.#rows.reserve((places.at(-1) as number) + 1);
    const target = { rows: this.#rows, memory: this.#memory, coding: this.coding, places };
    if (coded) fillWithCodes(coded, target);
    else fillWithVectors(this.#kernels, vectors as Float32Array, target);
    this.#places.take(places);
    return places;
  }

  remove(ids: Iterable<number>): void {
    this.#places.free(ids);
  }

  vector(id: number): Float32Array<ArrayBuffer> {
    this.#places.check(id);
    const vector = new Float32Array(this.dimensions);
    this.#rows.read(id, vector);
    return vector;
  }

  search(query: Float32Array | CodedVectors, options: SearchOptions = {}): Hits {
    const hits = this.#search("query", query, options);
    if (hits.length > 1) throw new RangeError(`query holds ${hits.length} vectors; searchAll takes several`);
    return hits[0] as Hits;
  }

  searchAll(queries: Float32Array | CodedVectors, options: SearchOptions = {}): Hits[] {
    return this.#search("queries", queries, options);
  }

  save(): ArrayBuffer {
    const { coding, metric } = this;
    return saveIndex({ coding, metric, places: this.#places, rows: this.#rows, memory: this.#memory });
  }

  /** @internal Fills an empty index with a saved one that has the same options. */
  restore(saved: SavedRows, copy: boolean): void {
    restoreRows(saved, this.#rows, copy);
    this.#places = saved.places;
  }

  /** @internal Decodes a row, in float64. */
  read(id: number, to: Float64Array): void {
    this.#places.check(id, "rescore.index");
    this.#rows.read(id, to);
  }

  #search(name: string, queries: Float32Array | CodedVectors, options: SearchOptions): Hits[] {
    checkNames("options", options, ["k", "rescore", "filter"]);
    const { size } = this;
    if (size === 0) throw new RangeError("the index is empty");
    const k = checkInteger("k", options.k ?? Math.min(10, size), 1, Number.MAX_SAFE_INTEGER);
    if (k > size) throw new RangeError(`k is ${k}, but the index holds ${size} vectors`);
    const rescore = takeRescore(options.rescore, this);
    const allowed = this.#places.allowedBy(options.filter);
    const length = queryLength(this.coding, this.#rows);
    const asked = ask(name, queries, this.coding, this.metric, length);

    const searched = { rows: this.#rows, memory: this.#memory, coding: this.coding, end: this.end, allowed };
    const room = Math.min(size, k * (rescore?.times ?? 1));
    const found = searchRows(
      this.#kernels,
      searched,
      asked.map(({ query }) => query),
      room,
    );
    return found.map((each, i) => {
      const { vector, query } = asked[i] as Asked;
      if (rescore !== undefined) return rescored(each, vector, this.metric, rescore.index, k);
      const scores = each.values.map((value) => scoreOf(this.coding, this.metric, value, query.squares));
      return { ids: each.places, scores };
    });
  }
}

/** Returns how many times k vectors are looked for, and the index with the vectors for rescoring. */
function takeRescore(value: SearchOptions["rescore"], index: Index): { times: number; index: Index } | undefined {
  if (value === undefined) return undefined;
  const given = typeof value === "number" ? { times: value } : value;
  checkNames("rescore", given, ["times", "index"]);
  const times = checkInteger("rescore.times", given.times, 1, 1000);
  const other = given.index ?? index;
  if (!(other instanceof Index)) throw new TypeError(`rescore.index must be an index, not ${shown(other)}`);
  if (other.dimensions !== index.dimensions) {
    throw new RangeError(`rescore.index has ${other.dimensions} dimensions; this index has ${index.dimensions}`);
  }
  return { times, index: other };
}

/** The best k hits by exact scores, with the unrounded query in float64. */
function rescored(found: Found, vector: ArrayLike<number>, metric: Metric, index: Index, k: number): Hits {
  const row = new Float64Array(vector.length);
  const sign = metric === "euclid" ? -1 : 1;
  const hits = Array.from(found.places, (id) => {
    index.read(id, row);
    return { id, score: exactScore(metric, vector, row) };
  });
  hits.sort((a, b) => sign * (b.score - a.score) || a.id - b.id);
  const best = hits.slice(0, k);
  return { ids: Uint32Array.from(best, ({ id }) => id), scores: Float64Array.from(best, ({ score }) => score) };
}
