import { checkInteger, checkNames, kindOf, shown } from "../core/arguments.js";
import { bytesOfCodes, type Coding, hasScales, nibblesOfGroups, stepsOf, takeCoding } from "./coding.js";
import type { CodedVectors, Precision } from "./types.js";

/** Gives how the codes were made. */
export function takeCoded(name: string, value: unknown): Coding {
  const names = ["codes", "precision", "count", "dimensions", "scaling", "scales", "profile"];
  checkNames(name, value, names);
  const { scaling, codes, count, scales, dimensions, precision, profile } = value as CodedVectors;
  const isSigned = kindOf(codes) === "Int8Array";
  const coding = takeCoding(scaling, {
    dimensions,
    precision: precision === "binary" && profile !== undefined && !isSigned ? "ubinary" : precision,
    ...(profile !== undefined && { profile }),
  });
  const expected = precision === "int8" || coding.isSigned ? "Int8Array" : "Uint8Array";
  if (kindOf(codes) !== expected) throw new TypeError(`${name}.codes must be of type ${expected}, not ${shown(codes)}`);
  checkInteger(`${name}.count`, count, 1, Number.MAX_SAFE_INTEGER);
  checkLength(`${name}.codes`, codes.length, count * bytesOfCodes(coding));
  if (hasScales(coding)) {
    if (kindOf(scales) !== "Float32Array") {
      throw new TypeError(`${name}.scales must be a Float32Array, not ${shown(scales)}`);
    }
    const numbers = scales as Float32Array;
    checkLength(`${name}.scales`, numbers.length, count);
    if (!numbers.every((scale) => scale > 0 && scale < Infinity)) {
      throw new RangeError(`${name}.scales must be positive and finite`);
    }
  }
  return coding;
}

function checkLength(name: string, length: number, expected: number): void {
  if (length !== expected) throw new RangeError(`${name} has ${length} elements; it must have ${expected}`);
}

/** {@link Embeddings.decode} */
export function decode(coded: CodedVectors): Float32Array<ArrayBuffer> {
  const coding = takeCoded("coded", coded);
  const { dimensions } = coding;
  const bytes = bytesOfCodes(coding);
  const codes = new Uint8Array(coded.codes.buffer, coded.codes.byteOffset, coded.codes.length);
  const decodeRow = rowDecoder(coding);
  const vectors = new Float32Array(coded.count * dimensions);
  for (let v = 0; v < coded.count; v++) {
    decodeRow(codes.subarray(v * bytes, (v + 1) * bytes), coded.scales?.[v], vectors.subarray(v * dimensions));
  }
  return vectors;
}

/** Writes what a row of codes stands for: (start + step * level) * scale, or start + step * level of each group. */
export type RowDecoder = (codes: Uint8Array, scale: number | undefined, to: Float32Array | Float64Array) => void;

/** In float64, which a Float32Array rounds. */
export function rowDecoder(coding: Coding): RowDecoder {
  const { dimensions, precision, scaling, isSigned } = coding;
  if (precision === "binary") {
    const flip = isSigned ? 0x80 : 0;
    return (codes, _, to) => {
      for (let d = 0; d < dimensions; d++) {
        to[d] = ((codes[d >> 3] as number) ^ flip) & (0x80 >> (d & 7)) ? 1 : -1;
      }
    };
  }
  const codeAt = codeReader(precision);
  const { starts, steps, offset, middle } = stepsOf(coding);
  return (codes, scale, to) => {
    for (let d = 0; d < dimensions; d++) {
      if (scaling === "group") {
        const at = nibblesOfGroups(dimensions) + (d >> 7) * 16 + ((d >> 4) & 7);
        starts[d] = 8 * byteAt(codes, at + 8) * (scale as number);
        steps[d] = byteAt(codes, at) * (scale as number);
      }
      const value = (starts[d] as number) + (steps[d] as number) * (codeAt(codes, d) + offset + middle);
      to[d] = scale === undefined || scaling === "group" ? value : value * scale;
    }
  };
}

/** Reads the code of a dimension out of a row. */
function codeReader(precision: Precision): (codes: Uint8Array, d: number) => number {
  if (precision === "int4") return nibbleAt;
  return precision === "int8" ? byteAt : unsignedAt;
}

function byteAt(codes: Uint8Array, d: number): number {
  return ((codes[d] as number) << 24) >> 24;
}

function unsignedAt(codes: Uint8Array, d: number): number {
  return codes[d] as number;
}

function nibbleAt(codes: Uint8Array, d: number): number {
  return ((codes[d >> 1] as number) << (d % 2 === 0 ? 28 : 24)) >> 28;
}
