import { FormatError } from "../../core/errors.js";
import { arrangedBy } from "../../io/arranged.js";
import type { ByteSource } from "../../io/bytes.js";
import { lenderOf, lentBy } from "../../io/lent-files.js";
import { shorten } from "../../io/shorten.js";
import { partOf } from "../../io/sources.js";
import { bytesPerElement, type Dtype, elementsOf } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import { inRows, ROW_LIMIT_BYTES } from "./fortran-order.js";
import {
  BFLOAT16,
  checkDataLength,
  MAX_PREFIX_BYTES,
  type NpyHeader,
  npyDataStart,
  readNpyHeader,
  UnreadTypeError,
} from "./header.js";
import { reverseElements } from "./order.js";
import { inRowFile } from "./row-file.js";

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
  if (fortranOrder && isMatrix && byteLength > 0) {
    checkRow(header, bytesPerElement(dtype), file);
    const { read } = inRows(data, dtype, shape);
    const tensor = { name, dtype, shape, byteLength, read };
    return arrangedBy(tensor, inRowFile(tensor, data));
  }
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

/** @throws {FormatError} for data in Fortran's order of which not even a row fits the memory to put it in order. */
function checkRow({ shape, dataStart }: NpyHeader, unit: number, file: string): void {
  const rowBytes = elementsOf(shape.slice(1)) * unit;
  if (rowBytes <= ROW_LIMIT_BYTES) return;
  const reason = `the data is in Fortran's order, and one index of the first dimension takes ${rowBytes} bytes; at most ${ROW_LIMIT_BYTES} can be put in order: save numpy.ascontiguousarray(array)`;
  throw new FormatError({ file, offset: dataStart, reason });
}
