import { FormatError } from "./errors.js";

export { FormatError } from "./errors.js";

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // "\x93NUMPY"

/** A float array's header takes some 100 bytes; one above this is a damaged length. */
const MAX_HEADER_BYTES = 2 ** 20;

/** As in numpy. */
const MAX_RANK = 64;

/** Weights read from a .npy file, in row-major order. */
export interface NpyWeights {
  /** A view of the given bytes where they already are little-endian, row-major and aligned; otherwise a copy. */
  weights: Float32Array | Float64Array;
  shape: number[];
}

/** What a .npy header says of the data. */
interface NpyHeader {
  /** numpy's name of the element type, such as "<f4". */
  descr: string;
  fortranOrder: boolean;
  shape: number[];
  /** Place of the element type, counted from the header's first byte. */
  descrAt: number;
}

/**
 * Reads an array of floats (16 bits, which become float32, 32 or 64) in numpy's .npy format, versions 1 to 3.
 *
 * @param file the name used in error messages.
 * @throws {FormatError} for a malformed, truncated or unsupported file.
 */
export function readNpy(bytes: ArrayBuffer | Uint8Array, file = "the file"): NpyWeights {
  if (!(bytes instanceof ArrayBuffer || bytes instanceof Uint8Array)) {
    throw new TypeError(`bytes is ${describe(bytes)}; it must be an ArrayBuffer or a Uint8Array`);
  }
  const contents = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const header = readHeader(contents, file);
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
 * @throws {TypeError | RangeError} where the values are of another type or the shape does not hold them.
 */
export function writeNpy(
  values: Float32Array | Float64Array | Int8Array | Int16Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const descr = descrOf(values);
  checkShape(shape, values.length);

  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const prefix = MAGIC.length + 4; // version and header length
  const dataStart = Math.ceil((prefix + dictionary.length + 1) / 64) * 64;
  const header = `${dictionary.padEnd(dataStart - prefix - 1)}\n`;

  const file = new Uint8Array(dataStart + values.byteLength);
  file.set(MAGIC);
  file.set([1, 0, header.length & 0xff, header.length >> 8], MAGIC.length);
  file.set(new TextEncoder().encode(header), prefix);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), dataStart);
  return file;
}

function readHeader(contents: Uint8Array, file: string): NpyHeader & { dataStart: number } {
  const fail = (offset: number, reason: string): never => {
    throw new FormatError({ file, offset, reason });
  };
  const need = (end: number, what: string) => {
    if (contents.length < end) {
      fail(
        contents.length,
        `the file ends here, and its ${what} would end at byte ${end}: it is cut short, save it again`,
      );
    }
  };

  const start = contents.subarray(0, MAGIC.length);
  if (start.some((byte, i) => byte !== MAGIC[i])) fail(0, notNpy(start));
  need(MAGIC.length + 2, "format version");
  const [major, minor] = contents.subarray(MAGIC.length);
  if (major < 1 || major > 3 || minor !== 0) {
    fail(MAGIC.length, `the format version is ${major}.${minor}; 1.0, 2.0 and 3.0 can be read: save with numpy.save`);
  }

  const lengthAt = MAGIC.length + 2;
  const headerStart = lengthAt + (major === 1 ? 2 : 4);
  need(headerStart, "header's length");
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  const headerLength = major === 1 ? view.getUint16(lengthAt, true) : view.getUint32(lengthAt, true);
  if (headerLength > MAX_HEADER_BYTES) {
    fail(lengthAt, `the header's length is ${headerLength} bytes; at most ${MAX_HEADER_BYTES} are read: save it again`);
  }
  const dataStart = headerStart + headerLength;
  need(dataStart, "header");

  // Latin-1 gives one character a byte, so that places in the text are places in the file; the copy is for shared memory.
  const text = new TextDecoder("latin1").decode(new Uint8Array(contents.subarray(headerStart, dataStart)));
  const header = parseHeader(text, (at, reason) => fail(headerStart + at, reason));
  return { ...header, descrAt: headerStart + header.descrAt, dataStart };
}

/** Reads the header's Python dictionary, e.g. `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. */
function parseHeader(text: string, fail: (at: number, reason: string) => never): NpyHeader {
  let position = 0;
  const skip = (pattern: RegExp): string | undefined => {
    const sticky = new RegExp(pattern, "y");
    sticky.lastIndex = position;
    const match = sticky.exec(text)?.[0];
    position += match?.length ?? 0;
    return match;
  };
  const next = (token: RegExp) => {
    skip(/\s*/);
    return skip(token);
  };
  const expect = (token: RegExp, what: string): string =>
    next(token) ??
    fail(position, `the header has ${quote(text.slice(position))} where ${what} must stand: save it again`);
  const string = (what: string) => expect(/'[^'\\]*'|"[^"\\]*"/, what).slice(1, -1);

  const shape = (): number[] => {
    const dimensions: number[] = [];
    expect(/\(/, "the shape in parentheses");
    while (next(/\)/) === undefined) {
      const digits = expect(/\d+/, "a dimension");
      const dimension = Number(digits);
      if (!Number.isSafeInteger(dimension)) {
        const limit = Number.MAX_SAFE_INTEGER;
        fail(position - digits.length, `a dimension is ${shorten(digits)}; it can be at most ${limit}: save it again`);
      }
      if (dimensions.push(dimension) > MAX_RANK) {
        fail(position - digits.length, `the shape has more than ${MAX_RANK} dimensions, numpy's limit: save it again`);
      }
      skip(/L/); // a long integer of Python 2
      if (next(/,/) === undefined) {
        // In Python (3) is a number and (3,) a tuple.
        if (dimensions.length === 1) expect(/,/, "a comma");
        expect(/\)/, "a comma or ')'");
        break;
      }
    }
    return dimensions;
  };

  const found: { descr?: string; fortran_order?: boolean; shape?: number[] } = {};
  let descrAt = 0;
  expect(/\{/, "'{'");
  while (next(/\}/) === undefined) {
    const keyAt = position;
    const key = string("a name in quotes");
    if (Object.hasOwn(found, key)) fail(keyAt, `the header has '${key}' twice: save it again`);
    expect(/:/, "a colon");
    skip(/\s*/);
    if (key === "descr") {
      descrAt = position;
      found.descr = string("one element type (named fields cannot be read)");
    } else if (key === "fortran_order") {
      found.fortran_order = expect(/True\b|False\b/, "True or False") === "True";
    } else if (key === "shape") {
      found.shape = shape();
    } else {
      fail(
        keyAt,
        `the header has ${quote(key)}; only 'descr', 'fortran_order' and 'shape' can stand there: save it again`,
      );
    }
    if (next(/,/) === undefined) {
      expect(/\}/, "a comma or '}'");
      break;
    }
  }
  expect(/$/, "only spaces");

  const { descr, fortran_order: fortranOrder, shape: dimensions } = found;
  if (descr === undefined || fortranOrder === undefined || dimensions === undefined) {
    const missing = ["descr", "fortran_order", "shape"].filter((key) => !Object.hasOwn(found, key));
    return fail(0, `the header lacks '${missing.join("', '")}': save it again`);
  }
  return { descr, fortranOrder, shape: dimensions, descrAt };
}

function checkDataLength(
  actual: number,
  elementBytes: number,
  header: NpyHeader & { dataStart: number },
  file: string,
) {
  const { descr, shape, dataStart } = header;
  // BigInt, because the product of damaged dimensions can be any number.
  const expected = shape.reduce((product, dimension) => product * BigInt(dimension), BigInt(elementBytes));
  if (expected === BigInt(actual)) return;

  const said = `shape (${shape.join(", ")}) of '${descr}' takes ${expected} bytes`;
  if (expected > actual) {
    const reason = `the file ends here, after ${actual} bytes of data, and ${said}: it is cut short, save it again`;
    throw new FormatError({ file, offset: dataStart + actual, reason });
  }
  const extra = BigInt(actual) - expected;
  const reason = `${extra} bytes too many follow the data, and ${said}: save the array alone, with numpy.save`;
  throw new FormatError({ file, offset: dataStart + Number(expected), reason });
}

function decodeFloats(data: Uint8Array, elementBytes: number, bigEndian: boolean): Float32Array | Float64Array {
  const aligned = data.byteOffset % elementBytes === 0;
  const { buffer, byteOffset, byteLength } = aligned && !bigEndian ? data : new Uint8Array(data);
  if (bigEndian) reverseElements(new Uint8Array(buffer), elementBytes);

  const count = byteLength / elementBytes;
  if (elementBytes === 8) return new Float64Array(buffer, byteOffset, count);
  if (elementBytes === 4) return new Float32Array(buffer, byteOffset, count);
  return widenHalves(new Uint16Array(buffer, byteOffset, count));
}

function reverseElements(bytes: Uint8Array, elementBytes: number) {
  for (let first = 0; first < bytes.length; first += elementBytes) {
    for (let low = first, high = first + elementBytes - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
}

/** Every float16 is a float32 too, so this is exact; NaNs keep their bits. */
function widenHalves(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i];
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) {
      floats[i] = fraction * 2 ** -24; // zero or subnormal, which float32 holds as a normal number
      bits[i] |= sign;
    } else {
      const widened = exponent === 0x1f ? 0xff : exponent + (127 - 15);
      bits[i] = sign | (widened << 23) | (fraction << 13);
    }
  }
  return floats;
}

/** Reorders values whose first index runs fastest (Fortran's order) so that the last one does. */
function toRowMajor<A extends Float32Array | Float64Array>(values: A, shape: readonly number[]): A {
  const strides: number[] = [];
  shape.reduce((stride, dimension, i) => {
    strides[i] = stride;
    return stride * dimension;
  }, 1);

  const reordered = new (values.constructor as new (length: number) => A)(values.length);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < reordered.length; to++) {
    reordered[to] = values[from];
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d];
      if (++index[d] < shape[d]) break;
      from -= index[d] * strides[d];
      index[d] = 0;
    }
  }
  return reordered;
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
}

function notNpy(start: Uint8Array): string {
  const hex = Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const zip = start[0] === 0x50 && start[1] === 0x4b;
  const advice = zip ? "this is a zip or .npz archive, unpack it first" : "save the array with numpy.save";
  return `the file starts with ${hex}; a .npy file starts with 93 4e 55 4d 50 59: ${advice}`;
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object")
    return shorten(typeof value === "string" ? quote(value) : String(value));
  return `a value of type ${value.constructor?.name ?? "object"}`;
}

function quote(text: string): string {
  return text === "" ? "nothing more" : JSON.stringify(shorten(text));
}

function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 24)}...` : text;
}
