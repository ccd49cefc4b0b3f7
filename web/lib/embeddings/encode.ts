import { checkNames } from "../core/arguments.js";
import { bytesOfCodes, type Coding, codingOptions, hasScales, stepsOf, takeCoding } from "./coding.js";
import { type Kernels, ownScales, ROW_BYTES, STAGED } from "./kernels.js";
import type { CodedVectors, CodingOptions, Scaling } from "./types.js";
import { countVectors, nonFiniteError, numberError } from "./vectors.js";

/**
 * The largest numbers: for "unit", a little above 1, which is the rounding of a vector's length and not another length;
 * for "group", such that no code is worth an infinity.
 */
const LARGEST = { unit: 1 + 2 ** -10, group: 2 ** 126 };

/** Bytes of a row of codes that is searched: see cpp/embeddings/kernels.h. */
export function strideOf(coding: Coding): number {
  return Math.ceil(bytesOfCodes(coding) / ROW_BYTES) * ROW_BYTES;
}

/** Makes codes of some vectors at a time. */
export interface Encoder {
  /** Bytes from one row of codes to the next. */
  readonly stride: number;
  /** How many vectors it takes at a time. */
  readonly most: number;
  /** Makes codes of `count` vectors from vector `from` on. The kernels' scales and squares are those of these vectors then. */
  run(vectors: Float32Array, from: number, count: number, to: number): void;
}

/** For one call: the ranges are staged. */
export function newEncoder(kernels: Kernels, coding: Coding): Encoder {
  const { dimensions, precision, scaling } = coding;
  const stride = strideOf(coding);
  const isNibbles = precision === "int4";
  const codesStride = isNibbles ? 2 * stride : stride;
  const most = Math.floor(STAGED / Math.max(dimensions, codesStride));
  const { starts, steps, least, most: largest, offset, middle } = stepsOf(coding);
  new Float32Array(kernels.memory.buffer, kernels.starts()).set(starts);
  new Float32Array(kernels.memory.buffer, kernels.steps()).set(steps);
  const kind = Math.max(0, ownScales.indexOf(scaling));

  const run = (vectors: Float32Array, from: number, count: number, to: number) => {
    const staged = vectors.subarray(from * dimensions, (from + count) * dimensions);
    new Float32Array(kernels.memory.buffer, kernels.vectors(), STAGED).set(staged);
    checkLargest(kernels.largest(staged.length), vectors, from, coding);
    const codes = isNibbles ? kernels.codes() : to;
    if (precision === "binary") kernels.packSigns(count, dimensions, to, stride);
    else kernels.encode(count, dimensions, kind, least, largest, offset, middle !== 0, codes, codesStride);
    if (isNibbles) kernels.packNibbles(count * codesStride, to);
  };
  return { stride, most, run };
}

function checkLargest(largest: number, vectors: Float32Array, from: number, { dimensions, scaling }: Coding): void {
  if (!Number.isFinite(largest)) throw nonFiniteError("vectors", vectors, dimensions, from * dimensions);
  const most = LARGEST[scaling as "unit" | "group"] ?? largest;
  if (largest <= most) return;
  const index = vectors.findIndex((x, i) => i >= from * dimensions && Math.abs(x) > most);
  throw numberError(
    "vectors",
    vectors,
    dimensions,
    index,
    `"${scaling}" is for ${scaling === "unit" ? "vectors of length 1" : "numbers up to 2^126"}: use "row"`,
  );
}

/** {@link Embeddings.encode} */
export function encode(
  kernels: Kernels,
  vectors: Float32Array,
  scaling: Scaling,
  options: CodingOptions = {},
): CodedVectors {
  checkNames("options", options, codingOptions);
  const coding = takeCoding(scaling, options);
  const { dimensions, precision, profile, isSigned } = coding;
  const count = countVectors("vectors", vectors, dimensions);
  const bytes = bytesOfCodes(coding);
  const codes = new Uint8Array(count * bytes);
  const scales = hasScales(coding) ? new Float32Array(count) : undefined;

  const { stride, most, run } = newEncoder(kernels, coding);
  // Nibbles and what a row has beyond its codes pass the staged vectors, which are done with by then.
  const to = precision === "int4" ? kernels.vectors() : kernels.codes();
  for (let from = 0; from < count; from += most) {
    const taken = Math.min(most, count - from);
    run(vectors, from, taken, to);
    const rows = new Uint8Array(kernels.memory.buffer, to, taken * stride);
    for (let r = 0; r < taken; r++) codes.set(rows.subarray(r * stride, r * stride + bytes), (from + r) * bytes);
    scales?.set(new Float32Array(kernels.memory.buffer, kernels.scales(), taken), from);
  }
  if (isSigned) for (let i = 0; i < codes.length; i++) (codes[i] as number) ^= 0x80;
  const hasSign = isSigned || precision === "int8";
  return {
    codes: hasSign ? new Int8Array(codes.buffer) : codes,
    precision,
    count,
    dimensions,
    scaling: coding.scaling,
    ...(scales && { scales }),
    ...(profile !== undefined && { profile }),
  };
}
