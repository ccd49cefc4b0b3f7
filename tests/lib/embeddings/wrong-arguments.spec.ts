import { load } from "channelwise/embeddings";
import { expect, it } from "vitest";
import { normalVectors } from "./vectors.js";

const embeddings = await load();
const { fitRanges, truncate } = embeddings;
const vectors = normalVectors(6, 4, 1);
const ranges = fitRanges(vectors, { dimensions: 4 });
const coded = embeddings.encode(vectors, "row", { dimensions: 4 });
const withNaN = vectors.slice();
withNaN[13] = Number.NaN;

/** A signature that lets the compiler accept wrong arguments. */
type Loose = (...values: unknown[]) => unknown;
const encode = embeddings.encode as unknown as Loose;
const fitAny = fitRanges as unknown as Loose;
const decode = embeddings.decode as unknown as Loose;

it.each<[call: () => unknown, message: RegExp]>([
  [() => encode([1, 2], "row", { dimensions: 2 }), /vectors must be a Float32Array.*not an array/],
  [() => encode(new Float64Array(4), "row", { dimensions: 2 }), /Float32Array.*not Float64Array/],
  [() => encode(new Float32Array(0), "row", { dimensions: 2 }), /vectors is empty/],
  [() => encode(vectors, "row", { dimensions: 5 }), /24 numbers.*not a multiple of 5 dimensions/],
  [() => encode(vectors, "row"), /dimensions must be a number, not undefined/],
  [() => encode(vectors, "row", { dimensions: 0 }), /dimensions is 0; it must be an integer from 1 to 16384/],
  [() => encode(vectors, "row", { dimensions: 4, bits: 8 }), /options has no "bits"; it has dimensions, precision/],
  [
    () => encode(vectors, "row", { dimensions: 4, precision: "int2" }),
    /precision is "int2".*int8, uint8, int4, binary/,
  ],
  [() => encode(vectors, "row", { dimensions: 4, precision: "ubinary" }), /precision is "ubinary"/],
  [() => encode(vectors, "row", { dimensions: 4, precision: "uint8" }), /"uint8", which needs ranges.*use "int8"/],
  [() => encode(vectors, "group", { dimensions: 4 }), /scaling is "group", which needs precision "int4", not "int8"/],
  [() => encode(vectors, "row", { dimensions: 4, group: 32 }), /options has no "group"/],
  [() => encode(vectors, "row", { dimensions: 4, profile: "faiss" }), /profile is "faiss".*"sentence-transformers"/],
  [
    () => encode(vectors, "row", { dimensions: 4, profile: "sentence-transformers" }),
    /no "int8" with this scaling.*with ranges/,
  ],
  [() => encode(vectors, "all", { dimensions: 4 }), /scaling must be "unit", "row", "group" or the ranges.*"all"/],
  [() => encode(vectors, ranges, { dimensions: 8 }), /dimensions is 8, but the ranges have 4/],
  [() => encode(vectors, { ...ranges, lows: [0, 0, 0, 0] }), /fingerprint.*have changed since fitRanges made them/],
  [() => encode(vectors, { ...ranges, lows: [0] }), /ranges.lows and ranges.highs must be arrays of 4 numbers/],
  [() => encode(vectors, { ...ranges, model: "a" }), /ranges has no "model"/],
  [() => encode(withNaN, "row", { dimensions: 4 }), /vectors\[13\] \(vector 3, dimension 1\) is NaN/],
  [() => encode(withNaN, "unit", { dimensions: 4, precision: "binary" }), /vectors\[13\]/],
  [
    () =>
      encode(
        vectors.map((x) => 3 * x),
        "unit",
        { dimensions: 4 },
      ),
    /"unit" is for vectors of length 1: use "row"/,
  ],
  [() => fitAny(vectors), /options must be an object/],
  [() => fitAny(vectors, { dimensions: 4, quantile: 0.3 }), /quantile is 0.3; it must be above 0.5 and at most 1/],
  [() => fitAny(vectors.subarray(0, 4), { dimensions: 4 }), /vectors holds 1 vector; ranges need two/],
  [() => fitAny(withNaN, { dimensions: 4 }), /vectors\[13\]/],
  [() => fitAny(Float32Array.of(-3e38, 3e38), { dimensions: 1 }), /dimension 0 goes from.*scale the vectors down/],
  [() => decode({ ...coded, codes: new Uint8Array(24) }), /coded.codes must be of type Int8Array, not Uint8Array/],
  [() => decode({ ...coded, count: 7 }), /coded.codes has 24 elements; it must have 28/],
  [() => decode({ ...coded, scales: new Float32Array(5) }), /coded.scales has 5 elements; it must have 6/],
  [() => truncate(vectors, { from: 4, to: 5 }), /dimensions.to is 5; it must be an integer from 1 to 4/],
  [() => truncate(Float32Array.of(1, 1, 0, 1), { from: 2, to: 1 }), /vector 1 is 0 in its first 1 dimensions/],
  [() => truncate(withNaN, { from: 4, to: 2 }), /vectors\[13\]/],
])("%# refuses with its reason", (call, message) => {
  expect(call).toThrow(message);
  expect(() => call()).toThrow(expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError));
});
