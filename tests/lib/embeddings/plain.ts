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

const { fround } = Math;
const total = (terms: readonly number[]) => {
  const sums = [0, 0, 0, 0];
  terms.forEach((term, i) => {
    sums[i % 4] = fround(sums[i % 4] + fround(term));
  });
  return fround(fround(sums[0] + sums[2]) + fround(sums[1] + sums[3]));
};

/** The centre and the step of 16 numbers, each operation rounded to float32. */
function lineOf(numbers: readonly number[]): { centre: number; step: number } {
  const sum = total(numbers);
  const least = Math.min(...numbers);
  let step = fround(fround(Math.max(...numbers) - least) / 15);
  let centre = fround(least + 8 * step);
  for (let round = 0; round < 4 && step > 0; round++) {
    const inverse = fround(1 / step);
    const codes = numbers.map((x) => clamp(roundHalfEven(fround(fround(x - centre) * inverse)), -8, 7));
    const [ofCodes, ofSquares] = [total(codes), total(codes.map((code) => code * code))];
    const spread = 16 * ofSquares - ofCodes * ofCodes;
    if (spread === 0) break;
    const products = total(numbers.map((x, i) => codes[i] * x));
    const fitted = fround(fround(fround(16 * products) - fround(ofCodes * sum)) / spread);
    if (!(fitted > 0)) break;
    step = fitted;
    centre = fround(fround(sum - fround(step * ofCodes)) / 16);
  }
  return { centre, step };
}

/** A vector in groups of 16: its scale, and the factor and the centre of each group. */
export function groupsOf(vector: Float32Array) {
  const largest = Math.max(...vector.map(Math.abs)) || 1;
  const lines = Array.from({ length: Math.ceil(vector.length / 16) }, (_, g) =>
    lineOf(Array.from({ length: 16 }, (_, i) => fround(vector[Math.min(16 * g + i, vector.length - 1)] / largest))),
  );
  const unit = fround(Math.max(...lines.flatMap(({ centre, step }) => [step, Math.abs(centre) / 8])) / 127) || 1;
  const scale = fround(unit * largest);
  return {
    scale,
    groups: lines.map(({ centre, step }) => ({
      factor: Math.max(1, roundHalfEven(fround(step / unit))),
      centre: roundHalfEven(fround(centre / 8 / unit)) + 0,
    })),
  };
}

/** A row of codes of a vector in groups, as bytes, and what the codes stand for. */
export function rowOfGroups(vector: Float32Array): { bytes: Uint8Array; scale: number; values: number[] } {
  const { scale, groups } = groupsOf(vector);
  const lines = Array.from(vector, (_, d) => {
    const { factor, centre } = groups[d >> 4];
    return { start: fround(scale * 8 * centre), step: fround(scale * factor) };
  });
  const codes = Array.from(
    vector,
    (x, d) => clamp(roundHalfEven(fround(fround(x - lines[d].start) / lines[d].step)), -8, 7) + 0,
  );
  const nibbles = 16 * Math.ceil(vector.length / 32);
  const bytes = new Uint8Array(nibbles + 16 * Math.ceil(vector.length / 128));
  bytes.set(packNibbles(codes, vector.length));
  groups.forEach(({ factor, centre }, g) => {
    const at = nibbles + 16 * (g >> 3) + (g & 7);
    bytes[at] = factor;
    bytes[at + 8] = centre;
  });
  return { bytes, scale, values: codes.map((code, d) => lines[d].start + lines[d].step * code) };
}
