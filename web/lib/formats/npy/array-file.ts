import { FormatError } from "../../core/errors.js";
import { quote, shorten } from "../../io/shorten.js";
import { isShape, MAX_RANK, shapeLimits } from "../../tensor/dtypes.js";
import { widenFloat16 } from "../../tensor/floats.js";
import { checkDataLength, npyHeader, readNpyHeader } from "./header.js";
import { reverseElements, toRowMajor } from "./order.js";

/** Weights read from a .npy file, in row-major order. */
export interface NpyWeights {
  /** A view of the given bytes where they already are little-endian, row-major and aligned; otherwise a copy. */
  weights: Float32Array | Float64Array;
  /** Dimensions, row-major; empty for a single number. */
  shape: number[];
}

/**
 * Reads an array of floats (16 bits, which become float32, 32 or 64) in numpy's .npy format, versions 1 to 3.
 *
 * @param bytes the whole file.
 * @param file the name used in error messages.
 * @throws {TypeError} for anything that is no bytes.
 * @throws {FormatError} for a malformed, truncated or unsupported file.
 */
export function readNpy(bytes: ArrayBuffer | Uint8Array, file = "the file"): NpyWeights {
  if (!(bytes instanceof ArrayBuffer || bytes instanceof Uint8Array)) {
    throw new TypeError(`bytes is ${describe(bytes)}; it must be an ArrayBuffer or a Uint8Array`);
  }
  const contents = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const header = readNpyHeader(contents, file);
  const { descr, fortranOrder, shape, dataStart } = header;

  const type = /^([<>=|]?)f([248])$/.exec(descr);
  if (type === null) {
    throw new FormatError({
      file,
      offset: header.descrAt,
      reason: `the elements are of type '${descr}'; floats of 2, 4 or 8 bytes ('<f2', '<f4', '<f8', or '>' for big-endian) can be read: convert with array.astype("float32")`,
    });
  }
  const elementBytes = Number(type[2]);
  const data = contents.subarray(dataStart);
  checkDataLength(data.length, elementBytes, header, file);

  const values = decodeFloats(data, elementBytes, type[1] === ">");
  return { weights: fortranOrder ? toRowMajor(values, shape) : values, shape };
}

/**
 * Writes an array in numpy's .npy format, version 1, little-endian and row-major, its data aligned to 64 bytes.
 *
 * @param values floats or codes, row-major.
 * @param shape at most 64 dimensions, whose product is the number of the values; `[]` for a single number.
 * @returns the bytes of the file.
 * @throws {TypeError | RangeError} where the values are of another type or the shape does not hold them.
 */
export function writeNpy(
  values: Float32Array | Float64Array | Int8Array | Int16Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const descr = descrOf(values);
  checkShape(shape, values.length);

  const header = npyHeader(descr, shape);
  const file = new Uint8Array(header.length + values.byteLength);
  file.set(header);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), header.length);
  return file;
}

function decodeFloats(data: Uint8Array, elementBytes: number, bigEndian: boolean): Float32Array | Float64Array {
  const aligned = data.byteOffset % elementBytes === 0;
  const { buffer, byteOffset, byteLength } = aligned && !bigEndian ? data : new Uint8Array(data);
  if (bigEndian) reverseElements(new Uint8Array(buffer), elementBytes);

  const count = byteLength / elementBytes;
  if (elementBytes === 8) return new Float64Array(buffer, byteOffset, count);
  if (elementBytes === 4) return new Float32Array(buffer, byteOffset, count);
  return widenFloat16(new Uint16Array(buffer, byteOffset, count));
}

function descrOf(values: Float32Array | Float64Array | Int8Array | Int16Array): string {
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
  if (!isShape(shape)) throw new RangeError(`shape is [${dimensions}]; it must be ${shapeLimits}`);
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object")
    return shorten(typeof value === "string" ? quote(value) : String(value));
  return `a value of type ${value.constructor?.name ?? "object"}`;
}
