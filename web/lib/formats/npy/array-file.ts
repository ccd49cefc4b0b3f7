import { FormatError } from "../../core/errors.js";
import { quote, shorten } from "../../io/shorten.js";
import { isShape, MAX_RANK, shapeLimits } from "../../tensor/dtypes.js";
import { widenBfloat16, widenFloat16 } from "../../tensor/floats.js";
import { BFLOAT16, checkDataLength, npyHeader, readNpyHeader } from "./header.js";
import { reverseElements, toRowMajor } from "./order.js";

/** The arrays that writeNpy writes: floats, or codes. */
export type NpyElements = Float32Array | Float64Array | Int8Array | Int16Array;

/** An array read from a .npy file, in row-major order. */
export interface NpyWeights {
  /**
   * The weights, or codes where the file holds integers. It is a view of the given bytes if they are little-endian,
   * row-major and aligned; otherwise a copy.
   */
  weights: NpyElements;
  /** The dimensions, row-major; empty for a single number. */
  shape: number[];
}

/**
 * Reads an array in numpy's .npy format, versions 1 to 3: floats of 16 bits (bfloat16 too), which become float32, of 32
 * or of 64 bits, or integers of 8 or 16 bits, in which codes are written.
 *
 * @param bytes the whole file.
 * @param file the name used in error messages.
 * @throws {TypeError} for anything but bytes.
 * @throws {FormatError} for a malformed, truncated or unsupported file.
 */
export function readNpy(bytes: ArrayBuffer | Uint8Array, file = "the file"): NpyWeights {
  if (!(bytes instanceof ArrayBuffer || bytes instanceof Uint8Array)) {
    throw new TypeError(`bytes is ${describe(bytes)}; it must be an ArrayBuffer or a Uint8Array`);
  }
  const contents = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const header = readNpyHeader(contents, file);
  const { descr, fortranOrder, shape, dataStart } = header;

  const [, order, type] = /^([<>=|]?)(f2|f4|f8|V2|i1|i2)$/.exec(descr) ?? [];
  if (type === undefined) {
    throw new FormatError({
      file,
      offset: header.descrAt,
      reason: `the elements are of type '${descr}'; floats of 2, 4 or 8 bytes ('<f2', '<f4', '<f8', or '>' for big-endian, and '|V2', bfloat16) and integers of 1 or 2 ('|i1', '<i2') can be read: convert with array.astype("float32")`,
    });
  }
  const data = contents.subarray(dataStart);
  checkDataLength(data.length, Number(type[1]), header, file);

  const values = decode(data, type, order === ">");
  return { weights: fortranOrder ? toRowMajor(values, shape) : values, shape };
}

/**
 * Writes an array in numpy's .npy format, version 1, little-endian and row-major, with its data aligned to 64 bytes.
 *
 * @param values floats or codes, row-major.
 * @param shape at most 64 dimensions, whose product is the number of the values; `[]` for a single number.
 * @returns the bytes of the file.
 * @throws {TypeError | RangeError} where the values are of another type or do not fit the shape.
 */
export function writeNpy(values: NpyElements, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const descr = descrOf(values);
  checkShape(shape, values.length);

  const header = npyHeader(descr, shape);
  const file = new Uint8Array(header.length + values.byteLength);
  file.set(header);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), header.length);
  return file;
}

function decode(data: Uint8Array, type: string, bigEndian: boolean): NpyElements {
  const elementBytes = Number(type[1]);
  const aligned = data.byteOffset % elementBytes === 0;
  const { buffer, byteOffset, byteLength } = (
    aligned && !bigEndian ? data : new Uint8Array(data)
  ) as Uint8Array<ArrayBuffer>;
  if (bigEndian) reverseElements(new Uint8Array(buffer), elementBytes);

  const count = byteLength / elementBytes;
  if (type === "i1") return new Int8Array(buffer, byteOffset, count);
  if (type === "i2") return new Int16Array(buffer, byteOffset, count);
  if (type === "f8") return new Float64Array(buffer, byteOffset, count);
  if (type === "f4") return new Float32Array(buffer, byteOffset, count);
  const widen = type === BFLOAT16 ? widenBfloat16 : widenFloat16;
  return widen(new Uint16Array(buffer, byteOffset, count));
}

function descrOf(values: NpyElements): string {
  if (values instanceof Float32Array) return "<f4";
  if (values instanceof Float64Array) return "<f8";
  if (values instanceof Int8Array) return "|i1";
  if (values instanceof Int16Array) return "<i2";
  throw new TypeError(
    `values is ${describe(values)}; it must be a Float32Array, Float64Array, Int8Array or Int16Array`,
  );
}

function checkShape(shape: readonly number[], length: number) {
  if (!Array.isArray(shape)) throw new TypeError(`shape is ${describe(shape)}; it must be an array of dimensions`);
  if (shape.length > MAX_RANK)
    throw new RangeError(`shape has ${shape.length} dimensions; at most ${MAX_RANK} can be written`);
  for (const [i, dimension] of shape.entries()) {
    if (typeof dimension !== "number")
      throw new TypeError(`shape[${i}] is ${describe(dimension)}; it must be a number`);
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new RangeError(`shape[${i}] is ${dimension}; it must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
    }
  }
  const count = shape.reduce((product, dimension) => product * BigInt(dimension), 1n);
  if (count !== BigInt(length)) {
    throw new RangeError(`shape [${shape.join(", ")}] has ${count} elements; values has ${length}`);
  }
  const dimensions = shape.join(", ");
  if (!isShape(shape)) throw new RangeError(`shape is [${dimensions}]; it must be of ${shapeLimits}`);
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object")
    return shorten(typeof value === "string" ? quote(value) : String(value));
  return `a value of type ${value.constructor?.name ?? "object"}`;
}
