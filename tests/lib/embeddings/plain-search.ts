import type { CodedVectors, Hits, Metric } from "channelwise/embeddings";
import { roundHalfEven } from "./plain.js";

// The promises of an index, written out in plain JavaScript over the codes of encode().

/** The codes of vector `v` as integers. */
export function integersOf({ codes, precision, dimensions, count }: CodedVectors, v: number): number[] {
  return Array.from({ length: dimensions }, (_, d) => {
    if (precision !== "int4") return codes[v * dimensions + d];
    const byte = codes[(v * codes.length) / count + (d >> 1)];
    const nibble = d % 2 === 0 ? byte & 15 : byte >> 4;
    return nibble < 8 ? nibble : nibble - 16;
  });
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

/** The factor and the centre, times 8, of each number of vector `v`; 1 and 0 where it is not in groups. */
function linesOf({ codes, scaling, dimensions, count }: CodedVectors, v: number) {
  if (scaling !== "group") return new Array(dimensions).fill({ factor: 1, centre: 0 });
  const signed = new Int8Array(codes.buffer);
  return Array.from({ length: dimensions }, (_, d) => {
    const at = (v * codes.length) / count + 16 * Math.ceil(dimensions / 32) + 16 * (d >> 7) + ((d >> 4) & 7);
    return { factor: signed[at], centre: 8 * signed[at + 8] };
  });
}

/** The value of each vector, by which vectors are ordered, and its score. */
export function scoresOf(coded: CodedVectors, query: ArrayLike<number>, metric: Metric) {
  const { precision, dimensions, scaling, count, scales } = coded;
  const x = Array.from(query);
  if (precision === "binary") return scoresOfBits(coded, x, metric);
  const most = precision === "int4" ? 15 : 255;
  const qmax = precision === "int4" ? 7 : 127;
  const half = coded.profile === undefined ? 0 : 0.5;
  const step = (d: number) =>
    typeof scaling === "string" ? 0 : Math.fround(Math.fround(scaling.highs[d] - scaling.lows[d]) / most) || 1;
  const start = (d: number) => (typeof scaling === "string" ? 0 : scaling.lows[d] + step(d) * ((most + 1) / 2 + half));
  const unit = scaling === "unit" ? Math.fround(1 / qmax) : 1;

  const products = x.map((number, d) => number * (typeof scaling === "string" ? unit : step(d)));
  const [most16, worth] = scaling === "group" ? [2047, 2048] : [32767, precision === "int4" ? 8 : 128];
  const limit = Math.min(most16, Math.floor((2 ** 31 - 1) / worth / dimensions));
  const scale = Math.max(...products.map(Math.abs)) / limit || 1;
  const integers = products.map((product) => roundHalfEven(product / scale));
  const squares = sum(x.map((number) => number * number));
  const bias = sum(x.map((number, d) => number * start(d)));
  const times = metric === "euclid" ? 2 : 1;
  const over = metric === "cosine" ? Math.sqrt(squares) : 1;

  return Array.from({ length: count }, (_, v) => {
    const row = integersOf(coded, v);
    const lines = linesOf(coded, v);
    const dot = sum(row.map((code, d) => (lines[d].factor * code + lines[d].centre) * integers[d]));
    const values = row.map((code, d) => {
      const own = scales?.[v] ?? unit;
      if (typeof scaling === "string")
        return Math.fround(own * lines[d].centre) + Math.fround(own * lines[d].factor) * code;
      return scaling.lows[d] + step(d) * (code + (most + 1) / 2 + half);
    });
    const ownSquares = sum(values.map((value) => value * value));
    const own = scales?.[v] ?? 1;
    const factor = Math.fround(metric === "cosine" ? own / Math.sqrt(ownSquares) : own);
    let value = ((times * bias) / over + ((times * scale) / over) * dot) * factor;
    if (metric === "euclid") value -= Math.fround(ownSquares);
    return { value, score: metric === "euclid" ? Math.sqrt(Math.max(0, squares - value)) : value };
  });
}

function scoresOfBits({ codes, dimensions, count }: CodedVectors, x: number[], metric: Metric) {
  const bytes = Math.ceil(dimensions / 8);
  return Array.from({ length: count }, (_, v) => {
    const isSet = (d: number) => ((codes[v * bytes + (d >> 3)] >> (7 - (d & 7))) & 1) === 1;
    const value = sum(x.map((number, d) => (number > 0 === isSet(d) ? 1 : -1)));
    const score = { cosine: value / dimensions, dot: value, euclid: Math.sqrt(2 * (dimensions - value)) }[metric];
    return { value, score };
  });
}

/** The best k, with ties by id. */
export function best(scores: readonly { value: number; score: number }[], k: number, ids = [...scores.keys()]): Hits {
  const order = ids.sort((a, b) => scores[b].value - scores[a].value || a - b).slice(0, k);
  return { ids: Uint32Array.from(order), scores: Float64Array.from(order, (id) => scores[id].score) };
}
