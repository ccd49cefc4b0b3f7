import { FormatError } from "../../core/errors.js";
import { notTheFile } from "../../io/not-the-file.js";
import { quote, shorten } from "../../io/shorten.js";
import { isShape, MAX_RANK, shapeLimits } from "../../tensor/dtypes.js";

// The header of numpy's .npy files, which precedes the data.

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // "\x93NUMPY"

/** The bytes that give the length of the header: magic, version, and 2 or 4 bytes of length. */
export const MAX_PREFIX_BYTES = 12;

/** A float array's header takes some 100 bytes. A length above this is damaged. */
const MAX_HEADER_BYTES = 2 ** 20;

/** numpy has no bfloat16: it saves that of other libraries as two bytes without a type. */
export const BFLOAT16 = "V2";

/** The error for elements that cannot be read as numbers, in a file that may be valid. */
export class UnreadTypeError extends FormatError {}

/** The contents of a .npy header. */
export interface NpyHeader {
  /** numpy's name of the element type, such as "<f4". */
  readonly descr: string;
  /** The offset of the element type in the file. */
  readonly descrAt: number;
  readonly fortranOrder: boolean;
  readonly shape: number[];
  /** The offset of the data in the file. */
  readonly dataStart: number;
}

/**
 * The offset at which the header ends and the data begin.
 *
 * @param start the file's first bytes: at least MAX_PREFIX_BYTES, or the whole file.
 */
export function npyDataStart(start: Uint8Array, file: string): number {
  const fail = (offset: number, reason: string): never => {
    throw new FormatError({ file, offset, reason });
  };
  const magic = start.subarray(0, MAGIC.length);
  if (magic.some((byte, i) => byte !== MAGIC[i])) fail(0, notTheFile(start) ?? notNpy(magic));
  checkReaches(start.length, MAGIC.length + 2, "format version", file);
  const [major, minor] = start.subarray(MAGIC.length);
  if (major < 1 || major > 3 || minor !== 0) {
    fail(MAGIC.length, `the format version is ${major}.${minor}; 1.0, 2.0 and 3.0 can be read: save with numpy.save`);
  }

  const lengthAt = MAGIC.length + 2;
  const headerStart = lengthAt + (major === 1 ? 2 : 4);
  checkReaches(start.length, headerStart, "header's length", file);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const headerLength = major === 1 ? view.getUint16(lengthAt, true) : view.getUint32(lengthAt, true);
  if (headerLength > MAX_HEADER_BYTES) {
    fail(lengthAt, `the header's length is ${headerLength} bytes; at most ${MAX_HEADER_BYTES} are read: save it again`);
  }
  return headerStart + headerLength;
}

/**
 * Reads the header.
 *
 * @param start the file at least up to the data, or the whole file.
 */
export function readNpyHeader(start: Uint8Array, file: string): NpyHeader {
  const dataStart = npyDataStart(start, file);
  checkReaches(start.length, dataStart, "header", file);
  const headerStart = MAGIC.length + (start[MAGIC.length] === 1 ? 4 : 6);
  // Latin-1 has one character per byte, so that places in the text are offsets in the file. The copy is for shared
  // memory.
  const text = new TextDecoder("latin1").decode(new Uint8Array(start.subarray(headerStart, dataStart)));
  const header = parseHeader(text, (at, reason, kind = FormatError) => {
    throw new kind({ file, offset: headerStart + at, reason });
  });
  return { ...header, descrAt: headerStart + header.descrAt, dataStart };
}

function checkReaches(length: number, end: number, what: string, file: string) {
  if (length >= end) return;
  const reason = `the file ends here, and its ${what} would end at byte ${end}: it is cut short, save it again`;
  throw new FormatError({ file, offset: length, reason });
}

/** Reads the header's Python dictionary, e.g. `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. */
function parseHeader(
  text: string,
  fail: (at: number, reason: string, kind?: typeof FormatError) => never,
): Omit<NpyHeader, "dataStart"> {
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
    const start = position;
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
        // In Python, (3) is a number and (3,) a tuple.
        if (dimensions.length === 1) expect(/,/, "a comma");
        expect(/\)/, "a comma or ')'");
        break;
      }
    }
    const numbers = shorten(dimensions.join(", "), 80);
    if (!isShape(dimensions)) {
      fail(start, `the shape is (${numbers}); it must be of ${shapeLimits}: save it again`);
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
      if (text[position] === "[") fail(position, namedFields(text.slice(position)), UnreadTypeError);
      found.descr = string("the element type");
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

function namedFields(rest: string): string {
  return `the header has ${quote(rest)} where one element type must stand (named fields cannot be read): save each field`;
}

/** The header of a version 1 file of little-endian, row-major data, which it aligns to 64 bytes. */
export function npyHeader(descr: string, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const prefix = MAGIC.length + 4; // version and header length
  const dataStart = Math.ceil((prefix + dictionary.length + 1) / 64) * 64;
  const text = `${dictionary.padEnd(dataStart - prefix - 1)}\n`;

  const header = new Uint8Array(dataStart);
  header.set(MAGIC);
  header.set([1, 0, text.length & 0xff, text.length >> 8], MAGIC.length);
  header.set(new TextEncoder().encode(text), prefix);
  return header;
}

/** Throws for a file whose data do not have the length that its header states. */
export function checkDataLength(actual: number, elementBytes: number, header: NpyHeader, file: string) {
  const { descr, shape, dataStart } = header;
  // BigInt is used, because the product of damaged dimensions can be any number.
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

function notNpy(start: Uint8Array): string {
  const hex = Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const zip = start[0] === 0x50 && start[1] === 0x4b;
  const advice = zip ? "this is a zip or .npz archive, unpack it first" : "save the array with numpy.save";
  return `the file starts with ${hex}; a .npy file starts with 93 4e 55 4d 50 59: ${advice}`;
}
