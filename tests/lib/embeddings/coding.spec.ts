import { load as loadCore } from "channelwise";
import { type Embeddings, load, type VectorRanges } from "channelwise/embeddings";
import { beforeAll, describe, expect, it, test } from "vitest";
import { floatsFrom, randomPatterns, ties } from "../random.js";
import { codeOf, levelOf, packNibbles, rowOfGroups } from "./plain.js";
import { normalVectors } from "./vectors.js";

let embeddings: Embeddings;
beforeAll(async () => {
  embeddings = await load();
});

/** Sizes around a vector register, and beyond the staged number. */
const sizes = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 384, 16_384];

describe("ranges", () => {
  it.each(sizes)("gives the codes of plain loops, %i dimensions", (dimensions) => {
    const vectors = normalVectors(dimensions > 1000 ? 9 : 300, dimensions, dimensions, false);
    const ranges = embeddings.fitRanges(vectors.subarray(0, 4 * dimensions), { dimensions });
    const levels = (most: number) => Array.from(vectors, (x, i) => levelOf(x, ranges, i % dimensions, most));
    const of = (precision: "int8" | "uint8" | "int4") => embeddings.encode(vectors, ranges, { precision }).codes;
    expect([...of("uint8")]).toEqual(levels(255));
    expect([...of("int8")]).toEqual(levels(255).map((level) => level - 128));
    const nibbles = levels(15).map((level) => level - 8);
    expect([...of("int4")]).toEqual([...packNibbles(nibbles, dimensions)]);
  });

  it("rounds ties to even, and clips what lies outside", () => {
    const ranges = embeddings.fitRanges(Float32Array.of(0, 255), { dimensions: 1 });
    const x = Float32Array.of(0.5, 1.5, 2.5, -0.5, -3, 254.5, 255.5, 400);
    expect([...embeddings.encode(x, ranges, { precision: "uint8" }).codes]).toEqual([0, 2, 2, 0, 0, 254, 255, 255]);
  });

  it("survives JSON, and a vector alone gets the codes that it gets among others", () => {
    const vectors = normalVectors(50, 20, 3);
    const ranges: VectorRanges = JSON.parse(JSON.stringify(embeddings.fitRanges(vectors, { dimensions: 20 })));
    const all = embeddings.encode(vectors, ranges).codes;
    const one = embeddings.encode(vectors.slice(200, 220), ranges).codes;
    expect([...one]).toEqual([...all.subarray(200, 220)]);
    expect(new Set(one).size).toBeGreaterThan(5);
  });

  it("takes quantiles as numpy does", () => {
    // numpy.quantile([1, 2, 4, 8, 16], [0.125, 0.875])
    const vectors = Float32Array.of(16, 1, 8, 2, 4);
    const { lows, highs } = embeddings.fitRanges(vectors, { dimensions: 1, quantile: 0.75 });
    expect([lows, highs]).toEqual([[1.5], [12]]);
  });

  it("reads rounded codes back within half a step, and those of sentence-transformers too", () => {
    const dimensions = 32;
    const vectors = normalVectors(500, dimensions, 8);
    const ranges = embeddings.fitRanges(vectors, { dimensions });
    for (const options of [{}, { profile: "sentence-transformers" }] as const) {
      const back = embeddings.decode(embeddings.encode(vectors, ranges, options));
      const inSteps = back.map((x, i) => {
        const d = i % dimensions;
        return Math.abs(x - vectors[i]) / ((ranges.highs[d] - ranges.lows[d]) / 255);
      });
      expect(Math.max(...inSteps)).toBeLessThanOrEqual(0.5001);
    }
  });
});

describe("a scale for each vector", () => {
  it.each([8, 4])("is the core's, at %i bits and any magnitude", async (bits) => {
    const core = await loadCore();
    const dimensions = 33;
    for (const vectors of [
      randomPatterns("float32", 200 * dimensions, bits, dimensions),
      ties("float32", 200 * dimensions, bits, 2, dimensions),
      floatsFrom("float32", dimensions, () => 0),
      floatsFrom("float32", dimensions, (i) => (i === 0 ? 1e-45 : 0)),
      floatsFrom("float32", dimensions, (i) => (i % 2 === 0 ? 1 : -1) * (2 - 2 ** -23) * 2 ** 127),
    ]) {
      const shape = [vectors.length / dimensions, dimensions];
      const expected = core.quantize(vectors, { shape, bits: bits as 4 | 8, dequantize: true });
      const coded = embeddings.encode(vectors, "row", { dimensions, precision: bits === 8 ? "int8" : "int4" });
      expect(coded.scales).toEqual(expected.scales);
      const codes = bits === 8 ? [...coded.codes] : coded.codes;
      expect(codes).toEqual(bits === 8 ? [...expected.quantized] : packNibbles([...expected.quantized], dimensions));
      expect(embeddings.decode(coded)).toEqual(expected.dequantized);
    }
  });
});

describe("groups with a factor and a centre each", () => {
  const encoded = (vectors: Float32Array, dimensions: number) =>
    embeddings.encode(vectors, "group", { dimensions, precision: "int4" });

  it.each(sizes)("have the codes of plain loops, %i dimensions", (dimensions) => {
    const vectors = normalVectors(dimensions > 1000 ? 5 : 70, dimensions, 5);
    // Numbers far from zero, numbers that are equal in a group, and zeros.
    vectors.subarray(0, dimensions).forEach((x, d) => {
      vectors[d] = 3 + x;
    });
    if (dimensions > 16) vectors.fill(0.3, dimensions, dimensions + 16).fill(0, dimensions + 16, 2 * dimensions);
    const coded = encoded(vectors, dimensions);
    const rows = Array.from({ length: vectors.length / dimensions }, (_, v) =>
      rowOfGroups(vectors.slice(v * dimensions, (v + 1) * dimensions)),
    );
    expect(coded.scales).toEqual(Float32Array.from(rows, ({ scale }) => scale));
    expect(coded.codes).toEqual(Uint8Array.from(rows.flatMap(({ bytes }) => [...bytes])));
    expect(embeddings.decode(coded)).toEqual(Float32Array.from(rows.flatMap(({ values }) => values)));
  });

  it("stay finite and near at any magnitude", () => {
    for (const magnitude of [2 ** -149, 2 ** -140, 1e-30, 1, 1e30, 8.5e37]) {
      const vectors = normalVectors(20, 48, 6).map((x) => Math.max(-1, Math.min(1, 4 * x)) * magnitude);
      const back = embeddings.decode(encoded(vectors, 48));
      const worst = back.reduce((most, x, i) => Math.max(most, Math.abs(x - vectors[i])), 0);
      expect(worst / magnitude, `${magnitude}`).toBeLessThanOrEqual(magnitude < 1e-40 ? 1 : 0.15);
    }
    expect(() => encoded(Float32Array.of(1, 2 ** 127), 2)).toThrow(/"group" is for numbers up to 2\^126/);
    expect(encoded(new Float32Array(40), 40).codes.slice(0, 32)).toEqual(new Uint8Array(32));
    expect(embeddings.decode(encoded(new Float32Array(40), 40))).toEqual(new Float32Array(40));
  });

  it("lose half of what a scale for each vector loses, and less", () => {
    const vectors = normalVectors(500, 384, 7);
    const errorOf = (scaling: "row" | "group") =>
      embeddings
        .decode(embeddings.encode(vectors, scaling, { dimensions: 384, precision: "int4" }))
        .reduce((sum, x, i) => sum + (x - vectors[i]) ** 2, 0);
    expect(errorOf("group") / errorOf("row")).toBeLessThan(0.3);
  });
});

test.each([
  { precision: "int8", qmax: 127 },
  { precision: "int4", qmax: 7 },
] as const)('"unit" has one scale for all, $precision', ({ precision, qmax }) => {
  const vectors = normalVectors(90, 48, 4);
  vectors.set([1, -1, 1.0000001], 0);
  const coded = embeddings.encode(vectors, "unit", { dimensions: 48, precision });
  const codes = Array.from(vectors, (x) => codeOf(x, Math.fround(1 / qmax), qmax));
  expect(coded.codes).toEqual(precision === "int8" ? Int8Array.from(codes) : packNibbles(codes, 48));
  expect(coded.scales).toBeUndefined();
  expect(embeddings.decode(coded)).toEqual(Float32Array.from(codes, (code) => code * Math.fround(1 / qmax)));
});

test.each(sizes)("bits say which numbers are greater than 0, %i dimensions", (dimensions) => {
  const vectors = normalVectors(dimensions > 1000 ? 5 : 120, dimensions, dimensions);
  vectors[0] = 0;
  const coded = embeddings.encode(vectors, "unit", { dimensions, precision: "binary" });
  const bytes = Math.ceil(dimensions / 8);
  expect(coded.codes).toHaveLength((vectors.length / dimensions) * bytes);
  const bit = (i: number) =>
    (coded.codes[Math.floor(i / dimensions) * bytes + ((i % dimensions) >> 3)] >> (7 - ((i % dimensions) & 7))) & 1;
  expect(Array.from(vectors, (_, i) => bit(i))).toEqual(Array.from(vectors, (x) => Number(x > 0)));
  expect(embeddings.decode(coded)).toEqual(vectors.map((x) => (x > 0 ? 1 : -1)));
  const signed = embeddings.encode(vectors, "unit", {
    dimensions,
    precision: "binary",
    profile: "sentence-transformers",
  });
  expect(embeddings.decode(signed)).toEqual(vectors.map((x) => (x > 0 ? 1 : -1)));
});

test("truncation keeps the first dimensions, at length 1", () => {
  const vectors = Float32Array.of(3, 4, 12, 0, 5, 1);
  expect(embeddings.truncate(vectors, { from: 3, to: 2 })).toEqual(Float32Array.of(0.6, 0.8, 0, 1));
});
