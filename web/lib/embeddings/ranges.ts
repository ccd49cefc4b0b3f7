import { checkNames, shown } from "../core/arguments.js";
import type { FitOptions, VectorRanges } from "./types.js";
import { checkDimensions, countVectors, nonFiniteError } from "./vectors.js";

/** {@link Embeddings.fitRanges} */
export function fitRanges(vectors: Float32Array, options: FitOptions): VectorRanges {
  checkNames("options", options, ["dimensions", "quantile"]);
  const dimensions = checkDimensions(options.dimensions);
  const quantile = checkQuantile(options.quantile ?? 1);
  const count = countVectors("vectors", vectors, dimensions);
  if (count < 2) {
    throw new RangeError("vectors holds 1 vector; ranges need two, better some thousand");
  }
  const lows = new Float32Array(dimensions);
  const highs = new Float32Array(dimensions);
  const column = new Float32Array(count);
  for (let d = 0; d < dimensions; d++) {
    for (let v = 0; v < count; v++) column[v] = vectors[v * dimensions + d] as number;
    if (!column.every(Number.isFinite)) throw nonFiniteError("vectors", vectors, dimensions, 0);
    if (quantile < 1) column.sort();
    // JSON has no -0, and the fingerprint tells it from 0.
    lows[d] = 0 + (quantile < 1 ? quantileOf(column, (1 - quantile) / 2) : column.reduce((a, b) => Math.min(a, b)));
    highs[d] = 0 + (quantile < 1 ? quantileOf(column, (1 + quantile) / 2) : column.reduce((a, b) => Math.max(a, b)));
    if (!Number.isFinite(Math.fround((highs[d] as number) - (lows[d] as number)))) {
      throw new RangeError(
        `dimension ${d} goes from ${lows[d]} to ${highs[d]}, wider than a float32 holds: scale the vectors down`,
      );
    }
  }
  const fingerprint = fingerprintOf(dimensions, lows, highs);
  return { dimensions, quantile, lows: [...lows], highs: [...highs], fingerprint };
}

function checkQuantile(value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`quantile must be a number, not ${shown(value)}`);
  if (!(value > 0.5 && value <= 1)) throw new RangeError(`quantile is ${value}; it must be above 0.5 and at most 1`);
  return value;
}

/** Interpolates between neighbours in a sorted array, as numpy.quantile does. */
function quantileOf(sorted: Float32Array, quantile: number): number {
  const place = quantile * (sorted.length - 1);
  const before = Math.floor(place);
  const low = sorted[before] as number;
  const high = sorted[Math.min(before + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - before);
}

/** A hash of 64 bits in hexadecimal: two hashes of FNV-1a over 32 bits at a time, with different starts. */
function fingerprintOf(dimensions: number, lows: Float32Array, highs: Float32Array): string {
  const words = [lows, highs].map((x) => new Uint32Array(x.buffer, x.byteOffset, x.length));
  return [0x811c9dc5, 0x9e3779b9]
    .map((start) => {
      let hash = Math.imul(start ^ dimensions, 0x01000193);
      for (const array of words) {
        for (const word of array) {
          hash = Math.imul(hash ^ word, 0x01000193);
          hash ^= hash >>> 15;
        }
      }
      return (hash >>> 0).toString(16).padStart(8, "0");
    })
    .join("");
}

/** Throws for anything but ranges, and for ranges that were changed. Returns a copy. */
export function checkRanges(value: unknown): VectorRanges {
  checkNames("ranges", value, ["dimensions", "quantile", "lows", "highs", "fingerprint"]);
  const ranges = value as Record<keyof VectorRanges, unknown>;
  const dimensions = checkDimensions(ranges.dimensions);
  const [lows, highs] = [ranges.lows, ranges.highs].map((numbers) => {
    if (Array.isArray(numbers) && numbers.length === dimensions) return Float32Array.from(numbers);
    throw new TypeError(`ranges.lows and ranges.highs must be arrays of ${dimensions} numbers`);
  }) as [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
  const expected = fingerprintOf(dimensions, lows, highs);
  if (ranges.fingerprint !== expected) {
    throw new RangeError(
      `ranges.fingerprint is ${shown(ranges.fingerprint)}, but the numbers have "${expected}": they have changed since fitRanges made them`,
    );
  }
  const quantile = checkQuantile(ranges.quantile);
  return { dimensions, quantile, lows: [...lows], highs: [...highs], fingerprint: expected };
}
