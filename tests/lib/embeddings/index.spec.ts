import {
  type Embeddings,
  type Hits,
  type IndexOptions,
  load,
  type Metric,
  type Scaling,
  type VectorIndex,
} from "channelwise/embeddings";
import { leaveOut, recall, usualSettings } from "channelwise/recall";
import { beforeAll, describe, expect, it } from "vitest";
import { best, scoresOf } from "./plain-search.js";
import { normalVectors } from "./vectors.js";

let embeddings: Embeddings;
beforeAll(async () => {
  embeddings = await load();
});

const metrics: Metric[] = ["cosine", "dot", "euclid"];
type Kind = Pick<IndexOptions, "precision" | "profile"> & { scaling: "unit" | "row" | "group" | "ranges" };
const kinds: Kind[] = [
  { precision: "int8", scaling: "row" },
  { precision: "int8", scaling: "unit" },
  { precision: "int8", scaling: "ranges" },
  { precision: "int8", scaling: "ranges", profile: "sentence-transformers" },
  { precision: "int4", scaling: "row" },
  { precision: "int4", scaling: "group" },
  { precision: "int4", scaling: "unit" },
  { precision: "int4", scaling: "ranges" },
  { precision: "binary", scaling: "row" },
];

/** Vectors, some of which are equal, for ties; an index of them; and their codes. */
function example(kind: Kind, metric: Metric, { count = 300, dimensions = 70, seed = 1 } = {}) {
  const vectors = normalVectors(count, dimensions, seed);
  for (let v = 0; v + 10 < count; v += 7) {
    vectors.copyWithin((v + 10) * dimensions, v * dimensions, (v + 1) * dimensions);
  }
  const scaling: Scaling = kind.scaling === "ranges" ? embeddings.fitRanges(vectors, { dimensions }) : kind.scaling;
  const { scaling: _, ...options } = kind;
  const index = embeddings.createIndex({ ...options, scaling, metric, dimensions });
  const coded = embeddings.encode(vectors, scaling, { ...options, dimensions });
  return { vectors, index, coded, queries: normalVectors(5, dimensions, seed + 100), dimensions, count };
}

const named = kinds.flatMap((kind) => metrics.map((metric) => ({ name: Object.values(kind).join(" "), kind, metric })));

describe.each(named)("$name, $metric", ({ kind, metric }) => {
  it("finds exactly what plain JavaScript finds in the codes", () => {
    const { vectors, index, coded, queries, dimensions, count } = example(kind, metric);
    expect([...index.add(vectors)]).toEqual([...Array(count).keys()]);
    const found = index.searchAll(queries, { k: 40 });
    for (let q = 0; q < 5; q++) {
      const query = queries.subarray(q * dimensions, (q + 1) * dimensions);
      const scores = scoresOf(coded, query, metric);
      expect(found[q]).toEqual(best(scores, 40));
      expect(index.search(query, { k: 1 })).toEqual(best(scores, 1));
      expect(index.search(query, { k: count })).toEqual(best(scores, count));
    }
  });

  it("takes codes like the vectors they are of", () => {
    const { vectors, index, coded, queries } = example(kind, metric);
    const other = example(kind, metric).index;
    index.add(vectors);
    other.add(coded);
    expect(other.searchAll(queries, { k: 300 })).toEqual(index.searchAll(queries, { k: 300 }));
    expect(other.vector(17)).toEqual(embeddings.decode(coded).slice(17 * 70, 18 * 70));
  });

  it("takes a query as codes", () => {
    const { vectors, index, coded, dimensions } = example(kind, metric);
    index.add(vectors);
    const query = embeddings.encode(vectors.slice(0, dimensions), coded.scaling, { ...kindOptions(kind), dimensions });
    const [id] = index.search(query, { k: 1 }).ids;
    // With "dot", a longer vector may be closer to the first one than the first one itself.
    const scores = scoresOf(coded, embeddings.decode(query), metric);
    expect(scores[id].score).toBeCloseTo(best(scores, 1).scores[0], 5);
    if (metric !== "dot") expect(id).toBe(0);
  });

  it("saves itself whole", () => {
    const { vectors, index, queries } = example(kind, metric);
    index.add(vectors);
    index.remove([3, 11, 299]);
    const loaded = embeddings.loadIndex(index.save());
    expect(loaded.size).toBe(297);
    expect(loaded.searchAll(queries, { k: 297 })).toEqual(index.searchAll(queries, { k: 297 }));
    expect([...loaded.add(vectors.subarray(0, 280))].slice(0, 4)).toEqual([3, 11, 299, 300]);
    expect(loaded.save().byteLength).toBeGreaterThan(index.save().byteLength);
  });

  it("is searched where it was saved", () => {
    const { vectors, index, queries } = example(kind, metric);
    index.add(vectors);
    index.remove([3, 11, 299]);
    const lent = embeddings.loadIndex(index.save(), { copy: false });
    for (const options of [{ k: 297 }, { k: 5, rescore: 3 }, { k: 5, rescore: { times: 3, index } }]) {
      expect(lent.searchAll(queries, options)).toEqual(index.searchAll(queries, options));
    }
    expect(index.searchAll(queries, { k: 5, rescore: { times: 3, index: lent } })).toEqual(
      lent.searchAll(queries, { k: 5, rescore: 3 }),
    );
    expect(lent.vector(298)).toEqual(index.vector(298));
    expect(lent.save()).toEqual(index.save());
  });
});

function kindOptions({ scaling: _, ...options }: Kind) {
  return options;
}

describe("the sizes around a vector register, a block and a segment", () => {
  it.each([1, 15, 16, 17, 31, 33, 127, 128, 129, 384, 1000, 4099])("%i dimensions", (dimensions) => {
    const count = dimensions > 1000 ? 270 : 90;
    for (const kind of kinds) {
      const { vectors, index, coded, queries } = example(kind, "euclid", { dimensions, count });
      index.add(vectors.subarray(0, 13 * dimensions));
      index.add(vectors.subarray(13 * dimensions));
      const query = queries.subarray(0, dimensions);
      expect(index.search(query, { k: 20 })).toEqual(best(scoresOf(coded, query, "euclid"), 20));
    }
  });

  it("goes on through segments, whichever query shares the reading", () => {
    const [count, dimensions] = [40_000, 16];
    const vectors = normalVectors(count, dimensions, 9);
    for (const precision of ["int8", "binary"] as const) {
      const index = embeddings.createIndex({ precision, dimensions, metric: "dot" });
      index.add(vectors);
      const queries = normalVectors(70, dimensions, 10);
      const together = index.searchAll(queries, { k: 50 });
      const coded = embeddings.encode(vectors, "row", { precision, dimensions });
      for (const q of [0, 63, 64, 69]) {
        const query = queries.subarray(q * dimensions, (q + 1) * dimensions);
        expect(index.search(query, { k: 50 })).toEqual(together[q]);
        expect(together[q]).toEqual(best(scoresOf(coded, query, "dot"), 50));
      }
      const lent = embeddings.loadIndex(index.save(), { copy: false });
      expect(lent.searchAll(queries, { k: 50 })).toEqual(together);
    }
  });
});

describe("filters and removed vectors", () => {
  const filled = (precision: "int8" | "binary"): ReturnType<typeof example> => {
    const all = example({ precision, scaling: "row" }, "cosine");
    all.index.add(all.vectors);
    return all;
  };

  it.each(["int8", "binary"] as const)("finds what the bits allow alone, %s", (precision) => {
    const { index, coded, queries, dimensions, count } = filled(precision);
    const query = queries.subarray(0, dimensions);
    const scores = scoresOf(coded, query, "cosine");
    const allowed = [...Array(count).keys()].filter((id) => id % 3 === 1);
    const filter = new Uint8Array(Math.ceil(count / 8));
    for (const id of allowed) filter[id >> 3] |= 1 << (id & 7);
    expect(index.search(query, { k: 20, filter })).toEqual(best(scores, 20, [...allowed]));
    expect(index.search(query, { k: 200, filter })).toEqual(best(scores, 200, [...allowed]));
    index.remove([1, 4, 7]);
    const left = allowed.filter((id) => id > 7);
    expect(index.search(query, { k: 200, filter })).toEqual(best(scores, 200, [...left]));
    expect(index.search(query, { k: 1, filter: new Uint8Array(filter.length) }).ids).toHaveLength(0);
  });

  it("finds removed vectors no more, and gives their ids again", () => {
    const { vectors, index, queries, dimensions } = filled("int8");
    const query = queries.subarray(0, dimensions);
    const [first, second] = index.search(query).ids;
    index.remove(Uint32Array.of(first));
    expect(index.size).toBe(299);
    expect(index.search(query, { k: 299 }).ids).not.toContain(first);
    expect([...index.add(vectors.slice(first * dimensions, (first + 1) * dimensions))]).toEqual([first]);
    expect([...index.search(query).ids.slice(0, 2)]).toEqual([first, second]);
    expect(index.end).toBe(300);
  });
});

describe("rescoring", () => {
  it.each(metrics)("takes the best by the query as it is, %s", (metric) => {
    const { vectors, index, queries, dimensions } = example({ precision: "binary", scaling: "row" }, metric);
    const better = example({ precision: "int8", scaling: "unit" }, metric).index;
    index.add(vectors);
    better.add(vectors);
    const query = queries.subarray(0, dimensions);
    for (const other of [undefined, better]) {
      const by = other ?? index;
      const candidates = index.search(query, { k: 50 }).ids;
      const scored = Array.from(candidates, (id) => ({ id, score: plainScore(metric, query, by.vector(id)) }));
      const sign = metric === "euclid" ? -1 : 1;
      scored.sort((a, b) => sign * (b.score - a.score) || a.id - b.id);
      const rescore = other === undefined ? 10 : { times: 10, index: other };
      const { ids, scores } = index.search(query, { k: 5, rescore });
      // vector() rounds to float32.
      scores.forEach((score, i) => {
        expect(score).toBeCloseTo(scored[i].score, 5);
      });
      expect(plainScore(metric, query, by.vector(ids[4]))).toBeCloseTo(scored[4].score, 5);
    }
  });
});

function plainScore(metric: Metric, a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, number, d) => sum + number * y[d], 0);
  if (metric === "euclid") return Math.sqrt(dot(a, a) - 2 * dot(a, b) + dot(b, b));
  return metric === "dot" ? dot(a, b) : dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe("where something is wrong, nothing is changed", () => {
  let index: VectorIndex;
  const vectors = normalVectors(20, 8, 1);
  beforeAll(() => {
    index = embeddings.createIndex({ dimensions: 8 });
    index.add(vectors);
    index.remove([2]);
  });
  const query = normalVectors(1, 8, 2);
  const spoiled = (change: (bytes: Uint8Array) => void) => {
    const bytes = new Uint8Array(index.save());
    change(bytes);
    return bytes;
  };
  const withZero = vectors.slice();
  withZero.fill(0, 24, 32);
  const withNaN = vectors.slice();
  withNaN[150] = Number.NaN;

  it.each<[call: () => unknown, message: RegExp]>([
    [() => index.add(withNaN), /vectors\[150\] \(vector 18, dimension 6\) is NaN/],
    [() => index.add(withZero), /vector 3 is zero as codes and has no direction/],
    [() => index.add(vectors.subarray(0, 9)), /9 numbers.*8 dimensions/],
    [() => index.add(embeddings.encode(vectors, "unit", { dimensions: 8 })), /scaling is unit.*index is row/],
    [() => index.add(embeddings.encode(vectors, "row", { dimensions: 4 })), /dimensions is 4.*index is 8/],
    [() => index.remove([0, 2]), /id 2 is not in the index/],
    [() => index.remove([0, 0]), /id 0 is given twice/],
    [() => index.remove([0, 20]), /id 20 is not in the index/],
    [() => index.vector(2), /id 2 is not in the index/],
    [() => index.search(query, { k: 20 }), /k is 20, but the index holds 19 vectors/],
    [() => index.search(query, { k: 0 }), /k is 0/],
    [() => index.search(new Float32Array(8)), /vector 0 is zero and has no direction/],
    [() => index.search(Float32Array.of(1, 2, 3, 4, 5, 6, 7, Infinity)), /query\[7\].*is Infinity/],
    [() => index.search(vectors), /query holds 20 vectors; searchAll takes several/],
    [() => index.search(query, { filter: new Uint8Array(2) }), /filter has 2 bytes.*below 20, 3 bytes/],
    [() => index.search(query, { rescore: 0 }), /rescore.times is 0; it must be an integer from 1 to 1000/],
    [() => index.search(query, { limit: 3 } as object), /options has no "limit"/],
    [() => embeddings.createIndex({ dimensions: 8 }).search(query), /the index is empty/],
    [() => embeddings.createIndex({ dimensions: 8, metric: "l2" as "dot" }), /metric is "l2".*cosine, dot or euclid/],
    [
      () => embeddings.createIndex({ scaling: embeddings.fitRanges(vectors, { dimensions: 8 }), precision: "uint8" }),
      /"int8" with the same ranges/,
    ],
    [() => embeddings.loadIndex(new ArrayBuffer(3)), /has 3 bytes; the least is 16/],
    [
      () => embeddings.loadIndex(spoiled((bytes) => bytes.fill(0, 0, 4))),
      /saved, byte 0.*does not begin as a saved index does/,
    ],
    [() => embeddings.loadIndex(spoiled((bytes) => bytes.fill(9, 4, 5))), /of version 9, and version 1 can be read/],
    [() => embeddings.loadIndex(new Uint8Array(index.save()).slice(0, -4)), /damaged/],
    [() => embeddings.loadIndex("index" as never), /saved must be the ArrayBuffer/],
    [() => embeddings.loadIndex(index.save(), { copy: 0 as never }), /copy must be true or false, not 0/],
    [() => embeddings.loadIndex(index.save(), { shared: true } as never), /options has no "shared"; it has copy/],
  ])("%#", (call, message) => {
    const before = index.save();
    expect(call).toThrow(message);
    expect(index.save()).toEqual(before);
  });

  it("refuses codes of ranges of another model", () => {
    const [own, other] = [1, 2].map((seed) => embeddings.fitRanges(normalVectors(20, 8, seed), { dimensions: 8 }));
    const withRanges = embeddings.createIndex({ scaling: own });
    withRanges.add(embeddings.encode(vectors, JSON.parse(JSON.stringify(own))));
    expect(() => withRanges.add(embeddings.encode(vectors, other))).toThrow(
      `vectors.scaling is ranges ${other.fingerprint}, but that of the index is ranges ${own.fingerprint}: they are of another model`,
    );
    expect(withRanges.size).toBe(20);
  });

  it("loads bytes that workers share", () => {
    const saved = new Uint8Array(index.save());
    const shared = new Uint8Array(new SharedArrayBuffer(saved.length));
    shared.set(saved);
    expect(embeddings.loadIndex(shared).search(query)).toEqual(index.search(query));
  });

  it("reads shared bytes at each search, and cannot add to them", () => {
    const { index, queries, vectors } = example({ precision: "int8", scaling: "row" }, "dot");
    index.add(vectors);
    const saved = new Uint8Array(index.save());
    const [headerBytes, bitBytes] = [new Uint32Array(saved.buffer)[3] as number, 40];
    expect((16 + headerBytes + bitBytes) % 16, "where the codes begin").toBe(0);
    const shared = new Uint8Array(new SharedArrayBuffer(saved.length));
    shared.set(saved);
    const [first, second] = [0, 1].map(() => embeddings.loadIndex(shared, { copy: false })) as [
      VectorIndex,
      VectorIndex,
    ];
    const hits = index.searchAll(queries);
    expect([first.searchAll(queries), second.searchAll(queries)]).toEqual([hits, hits]);
    expect(() => first.add(vectors)).toThrow(/loaded with copy: false cannot grow/);
    first.remove([(hits[0] as Hits).ids[0] as number]);
    expect(first.size).toBe(299);
    expect(second.searchAll(queries)).toEqual(hits);
    shared.fill(0, 1000);
    expect(second.search(queries.subarray(0, 70)).scores.every((score) => score === 0)).toBe(true);
  });

  it("says when the bytes are no longer there", () => {
    const { index, queries, vectors } = example({ precision: "int8", scaling: "row" }, "dot");
    index.add(vectors);
    const saved = index.save();
    const lent = embeddings.loadIndex(saved, { copy: false });
    structuredClone(saved, { transfer: [saved] });
    expect(() => lent.search(queries.subarray(0, 70))).toThrow(TypeError);
  });

  it("sees damage at any byte", () => {
    const { length } = new Uint8Array(index.save());
    for (let at = 0; at < length; at++) {
      const bytes = spoiled((saved) => {
        saved[at] ^= 0x10;
      });
      expect(() => embeddings.loadIndex(bytes), `byte ${at}`).toThrow(/saved, byte/);
    }
  });
});

describe("recall", () => {
  it("takes queries out of all vectors, evenly spread", () => {
    const { others, queries } = leaveOut(
      Float32Array.from({ length: 60 }, (_, i) => i >> 1),
      2,
    );
    expect([...queries]).toEqual([9, 9, 19, 19, 29, 29]);
    expect(others).toHaveLength(54);
    expect(new Set([...others, ...queries]).size).toBe(30);
  });

  it("tells how far it is, and ends where that throws", () => {
    const vectors = normalVectors(50, 16, 1);
    const told: number[][] = [];
    const onProgress = (done: number, total: number) => {
      told.push([done, total]);
      if (done === 2) throw new Error("enough");
    };
    const settings = usualSettings(16);
    expect(() => recall(embeddings, vectors, vectors, settings, { dimensions: 16, onProgress })).toThrow("enough");
    expect(told).toEqual([0, 1, 2].map((done) => [done, 6]));
  });

  it("is the share of the closest that are found", () => {
    const dimensions = 48;
    const vectors = normalVectors(500, dimensions, 1);
    const queries = normalVectors(20, dimensions, 2);
    const settings = [{ precision: "int8" }, { precision: "binary" }, { precision: "binary", rescore: 50 }] as const;
    const [int8, binary, rescored] = recall(embeddings, vectors, queries, settings, { dimensions, k: [1, 10] });
    // All vectors are rescored by their decoded bits, which gives another order, but not a worse one than bits alone.
    expect(int8).toMatchObject({ setting: { precision: "int8" }, bytesPerVector: 48 + 8 });
    expect(int8.recall[10]).toBeGreaterThan(0.95);
    expect(binary.bytesPerVector).toBe(16);
    expect(binary.recall[10]).toBeLessThan(0.7);
    expect(rescored.recall[10]).toBeGreaterThan(binary.recall[10]);
  });

  it("is 1 where the codes lose nothing", () => {
    // Numbers from -127 to 127, with both ends, are their own codes.
    const vectors = Float32Array.from({ length: 40 * 8 }, (_, i) => (i % 8 === 0 ? 127 : ((i * 37) % 255) - 127));
    const [report] = recall(embeddings, vectors, vectors.slice(0, 80), [{ rescore: 2 }], {
      dimensions: 8,
      metric: "euclid",
    });
    expect(report.recall).toEqual({ 1: 1, 10: 1 });
  });
});

describe("what an attack found", () => {
  const ranged = (numbers: number[]) => embeddings.fitRanges(Float32Array.from(numbers), { dimensions: 2 });

  it("ranges with -0 survive JSON, and an index with them its file", () => {
    const ranges = ranged([-0, 1, 1, -0]);
    const again = JSON.parse(JSON.stringify(ranges));
    expect(embeddings.encode(Float32Array.of(0.5, 0.5), again).count).toBe(1);
    const index = embeddings.createIndex({ dimensions: 2, scaling: ranges, metric: "dot" });
    index.add(Float32Array.of(0.5, 0.5));
    expect(embeddings.loadIndex(index.save()).size).toBe(1);
  });

  it.runIf("Buffer" in globalThis)("a Buffer is copied, also one that is not aligned", () => {
    const index = embeddings.createIndex({ dimensions: 2 });
    index.add(Float32Array.of(1, 2, 3, 4));
    const saved = index.save();
    for (const shift of [0, 1]) {
      const given = Buffer.alloc(saved.byteLength + 8).subarray(shift, shift + saved.byteLength);
      given.set(new Uint8Array(saved));
      const loaded = embeddings.loadIndex(given);
      loaded.remove([0]);
      expect(Buffer.compare(given, Buffer.from(saved))).toBe(0);
      given.fill(0);
      expect(loaded.vector(1)).toHaveLength(2);
    }
  });

  it.each([2e19, 3e38, 1e-23])("refuses lengths of %f, whose squares float32 does not hold", (size) => {
    const index = embeddings.createIndex({ dimensions: 2, metric: "euclid" });
    expect(() => index.add(Float32Array.of(1, 1, size, size))).toThrow(
      /^vector 1 has a length that float32 does not hold/,
    );
    expect(index.size).toBe(0);
  });

  it("refuses scales that are none", () => {
    const coded = embeddings.encode(Float32Array.of(1, 2), "row", { dimensions: 2 });
    const index = embeddings.createIndex({ dimensions: 2, metric: "dot" });
    for (const scale of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY]) {
      const wrong = { ...coded, scales: Float32Array.of(scale) };
      expect(() => index.add(wrong)).toThrow(/scales must be positive and finite/);
    }
  });

  it("bits behind the last dimension count for nothing", () => {
    const scoring = { dimensions: 3, precision: "binary" } as const;
    const coded = embeddings.encode(Float32Array.of(1, -1, 1), "unit", scoring);
    const [index, other] = [embeddings.createIndex(scoring), embeddings.createIndex(scoring)];
    index.add(coded);
    other.add({ ...coded, codes: coded.codes.map((byte) => byte | 0x1f) });
    const query = Float32Array.of(1, 1, 1);
    expect(other.search(query)).toEqual(index.search(query));
    expect(other.save()).toEqual(index.save());
  });

  it("a step too small for float32 is 1, as in numpy", () => {
    const coded = embeddings.encode(Float32Array.of(2 ** -149, 0), ranged([0, 0, 2 ** -149, 0]), {
      profile: "sentence-transformers",
      precision: "uint8",
    });
    expect([...coded.codes]).toEqual([0, 0]);
  });
});
