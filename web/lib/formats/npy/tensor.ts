import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { lenderOf, lentBy } from "../../io/lent-files.js";
import { shorten } from "../../io/shorten.js";
import { partOf } from "../../io/sources.js";
import { bytesPerElement, type Dtype, elementsOf } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import {
  checkDataLength,
  MAX_PREFIX_BYTES,
  type NpyHeader,
  npyDataStart,
  readNpyHeader,
  UnreadTypeError,
} from "./header.js";
import { reverseElements, toRowMajor } from "./order.js";

/** numpy's names of element types, without the order of bytes. */
const dtypes: Readonly<Record<string, Dtype>> = {
  b1: "bool",
  u1: "uint8",
  i1: "int8",
  u2: "uint16",
  i2: "int16",
  u4: "uint32",
  i4: "int32",
  u8: "uint64",
  i8: "int64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
  c8: "complex64",
};

/** numpy has no bfloat16: it saves those of other libraries as two bytes of no type. */
const BFLOAT16 = "V2";

/** Memory to put data of Fortran's order into rows: some rows at a time are read from every column. */
const BAND_BYTES = 2 ** 26;

/** The dtype's name in a .npy header; undefined where numpy has none. */
export function descrOf(dtype: Dtype): string | undefined {
  const name = Object.keys(dtypes).find((key) => dtypes[key] === dtype);
  return name && (name.endsWith("1") ? `|${name}` : `<${name}`);
}

/**
 * Reads the header of a .npy file of any size.
 *
 * @param name of the tensor.
 * @throws {UnreadTypeError} where its elements are no numbers that can be read.
 * @throws {FormatError} for a malformed or truncated file.
 */
export async function readNpyTensor(source: ByteSource, name: string): Promise<ModelTensor> {
  const file = source.name;
  const prefix = await source.read(0, Math.min(source.size, MAX_PREFIX_BYTES));
  const dataStart = npyDataStart(prefix, file);
  const header = readNpyHeader(await source.read(0, Math.min(source.size, dataStart)), file);
  const { descr, descrAt, shape, fortranOrder } = header;

  const [, order, type = ""] = /^([<>=|]?)(\w+)$/.exec(descr) ?? [];
  const dtype = type === BFLOAT16 ? "bfloat16" : Object.hasOwn(dtypes, type) ? dtypes[type] : undefined;
  if (dtype === undefined) {
    const known = `numbers of types ${Object.keys(dtypes).join(", ")} can be read`;
    const reason = `the elements are of type '${shorten(descr)}'; ${known}`;
    throw new UnreadTypeError({ file, offset: descrAt, reason });
  }
  checkDataLength(source.size - dataStart, bytesPerElement(dtype), header, file);

  const byteLength = source.size - dataStart;
  let data = partOf(source, dataStart, byteLength);
  if (order === ">") data = littleEndian(data, dtype);
  const isMatrix = shape.filter((dimension) => dimension !== 1).length > 1;
  if (fortranOrder && isMatrix && byteLength > 0) data = rowMajor(data, dtype, header, file);
  return lentBy({ name, dtype, shape, byteLength, read: data.read }, lenderOf(data));
}

/** Big-endian elements as little-endian ones. */
function littleEndian(data: ByteSource, dtype: Dtype): ByteSource {
  const unit = dtype === "complex64" ? 4 : bytesPerElement(dtype);
  return {
    ...data,
    async read(offset, length) {
      const start = Math.floor(offset / unit) * unit;
      const end = Math.ceil((offset + length) / unit) * unit;
      const bytes = await data.read(start, end - start);
      reverseElements(bytes, unit);
      return start === offset && end === offset + length ? bytes : bytes.slice(offset - start, offset - start + length);
    },
  };
}

/** Data whose first index runs fastest, put into rows a band of the first dimension at a time. */
function rowMajor(data: ByteSource, dtype: Dtype, { shape, dataStart }: NpyHeader, file: string): ByteSource {
  const unit = bytesPerElement(dtype);
  const [rows] = shape;
  const columns = elementsOf(shape) / rows;
  const rowBytes = columns * unit;
  if (rowBytes > BAND_BYTES) {
    const reason = `the data is in Fortran's order, and one index of the first dimension takes ${rowBytes} bytes; at most ${BAND_BYTES} can be put in order: save numpy.ascontiguousarray(array)`;
    throw new FormatError({ file, offset: dataStart, reason });
  }
  const bandRows = Math.min(rows, Math.floor(BAND_BYTES / rowBytes));

  async function readBand(first: number): Promise<Uint8Array<ArrayBuffer>> {
    const count = Math.min(bandRows, rows - first);
    if (count === rows) return inRows(await data.read(0, data.size), unit, shape);
    const band = new Uint8Array(count * rowBytes);
    for (let column = 0; column < columns; column++) {
      band.set(await data.read((column * rows + first) * unit, count * unit), column * count * unit);
    }
    return inRows(band, unit, [count, ...shape.slice(1)]);
  }

  let held: { first: number; band: Promise<Uint8Array<ArrayBuffer>> } | undefined;
  return {
    ...data,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let at = offset; at < offset + length; ) {
        const first = Math.floor(at / (bandRows * rowBytes)) * bandRows;
        if (held?.first !== first) held = { first, band: readBand(first) };
        const start = first * rowBytes;
        const part = (await held.band).subarray(at - start, offset + length - start);
        bytes.set(part, at - offset);
        at += part.length;
        if (at === data.size) held = undefined; // read once, in order, is the rule
      }
      return bytes;
    },
  };
}

function inRows(bytes: Uint8Array<ArrayBuffer>, unit: number, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (unit === 8) return new Uint8Array(toRowMajor(new BigUint64Array(buffer), shape).buffer as ArrayBuffer);
  if (unit === 4) return new Uint8Array(toRowMajor(new Uint32Array(buffer), shape).buffer as ArrayBuffer);
  if (unit === 2) return new Uint8Array(toRowMajor(new Uint16Array(buffer), shape).buffer as ArrayBuffer);
  return toRowMajor(bytes, shape);
}
