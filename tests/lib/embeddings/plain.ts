import type { VectorRanges } from "channelwise/embeddings";

// The promises of the library, written out in plain JavaScript.

export function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

const clamp = (x: number, least: number, most: number) => Math.min(most, Math.max(least, x));

/** The code from 0 to `most` of a number of dimension `d`. */
export function levelOf(x: number, ranges: VectorRanges, d: number, most: number, isFloor = false): number {
  const step = Math.fround(Math.fround(ranges.highs[d] - ranges.lows[d]) / most) || 1;
  const place = Math.fround(Math.fround(x - ranges.lows[d]) / step);
  return clamp(isFloor ? Math.floor(place) : roundHalfEven(place), 0, most);
}

/** The code of a number with a scale. */
export function codeOf(x: number, scale: number, qmax: number): number {
  return clamp(roundHalfEven(Math.fround(x / scale)), -qmax, qmax) + 0;
}

/** Codes of 4 bits, two to a byte, row by row. */
export function packNibbles(codes: readonly number[], dimensions: number): Uint8Array {
  const bytes = Math.ceil(dimensions / 2);
  const packed = new Uint8Array((codes.length / dimensions) * bytes);
  codes.forEach((code, i) => {
    const d = i % dimensions;
    packed[Math.floor(i / dimensions) * bytes + (d >> 1)] |= (code & 15) << (d % 2 === 0 ? 0 : 4);
  });
  return packed;
}
