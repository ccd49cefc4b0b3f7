import type { CodedVectors, Hits, Metric } from "channelwise/embeddings";
import { roundHalfEven } from "./plain.js";

// The promises of an index, written out in plain JavaScript over the codes of encode().

/** The codes of vector `v` as integers. */
export function integersOf({ codes, precision, dimensions }: CodedVectors, v: number): number[] {
  return Array.from({ length: dimensions }, (_, d) => {
    if (precision !== "int4") return codes[v * dimensions + d];
    const byte = codes[v * Math.ceil(dimensions / 2) + (d >> 1)];
    const nibble = d % 2 === 0 ? byte & 15 : byte >> 4;
    return nibble < 8 ? nibble : nibble - 16;
  });
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

/** The value of each vector, by which vectors are ordered, and its score. */
export function scoresOf(coded: CodedVectors, query: ArrayLike<number>, metric: Metric) {
  const { precision, dimensions, scaling, count, group = dimensions, scales } = coded;
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
  const limit = Math.min(32767, Math.floor((2 ** 31 - 1) / (precision === "int4" ? 8 : 128) / dimensions));
  const scale = Math.max(...products.map(Math.abs)) / limit || 1;
  const integers = products.map((product) => roundHalfEven(product / scale));
  const squares = sum(x.map((number) => number * number));
  const bias = sum(x.map((number, d) => number * start(d)));
  const times = metric === "euclid" ? 2 : 1;
  const over = metric === "cosine" ? Math.sqrt(squares) : 1;

  const groups = Math.ceil(dimensions / group);
  return Array.from({ length: count }, (_, v) => {
    const row = integersOf(coded, v);
    const dots = Array.from({ length: groups }, (_, g) =>
      sum(row.slice(g * group, (g + 1) * group).map((code, d) => code * integers[g * group + d])),
    );
    const values = row.map((code, d) => {
      if (typeof scaling === "string") return code * (scales?.[v * groups + Math.floor(d / group)] ?? unit);
      return scaling.lows[d] + step(d) * (code + (most + 1) / 2 + half);
    });
    const ownSquares = sum(values.map((value) => value * value));
    const dot = groups > 1 ? sum(dots.map((dot, g) => (scales?.[v * groups + g] as number) * dot)) : dots[0];
    const own = scales !== undefined && groups === 1 ? scales[v] : 1;
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
