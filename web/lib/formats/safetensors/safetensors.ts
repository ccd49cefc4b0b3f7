import { FormatError } from "../../core/errors.js";
import type { ByteSink, ByteSource } from "../../io/bytes.js";
import { isRecord, JsonProblem, parseJson } from "../../io/json.js";
import { lenderOf, lendFrom, lentBy } from "../../io/lent-files.js";
import { shownJson } from "../../io/shorten.js";
import { partOf } from "../../io/sources.js";
import { bytesPerElement, type Dtype, exactByteLength, isShape, shapeLimits } from "../../tensor/dtypes.js";
import type { ModelTensor, TensorInfo } from "../../tensor/tensor.js";
import type { TensorWriter } from "../tensor-writer.js";

/** The limit of the format's reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/** The header's length takes 8 bytes. */
const PREFIX_BYTES = 8;

/** The header is an object of tensors, each an object with arrays. */
const MAX_DEPTH = 3;

const METADATA = "__metadata__";

const dtypes: Readonly<Record<string, Dtype>> = {
  BOOL: "bool",
  U8: "uint8",
  I8: "int8",
  U16: "uint16",
  I16: "int16",
  U32: "uint32",
  I32: "int32",
  U64: "uint64",
  I64: "int64",
  F4: "float4_e2m1",
  F6_E2M3: "float6_e2m3",
  F6_E3M2: "float6_e3m2",
  F8_E4M3: "float8_e4m3fn",
  F8_E4M3FNUZ: "float8_e4m3fnuz",
  F8_E5M2: "float8_e5m2",
  F8_E5M2FNUZ: "float8_e5m2fnuz",
  F8_E8M0: "float8_e8m0",
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
  F64: "float64",
  C64: "complex64",
};

const namesOfDtypes = new Map(Object.entries(dtypes).map(([name, dtype]) => [dtype, name]));

export interface SafetensorsContents {
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors in the order of their data. */
  readonly tensors: readonly ModelTensor[];
}

/**
 * Reads the header of a .safetensors file.
 *
 * @throws {FormatError} for a malformed file. A header that is returned is sound: no data are read to check it.
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsContents> {
  const file = source.name;
  const fail: Fail = (offset, reason, tensor) => {
    throw new FormatError({ file, tensor, offset, reason });
  };

  if (source.size < PREFIX_BYTES) {
    fail(source.size, "the file ends here; a .safetensors file starts with the length of its header in 8 bytes");
  }
  const headerLength = new DataView((await source.read(0, PREFIX_BYTES)).buffer).getBigUint64(0, true);
  if (headerLength > MAX_HEADER_BYTES) {
    const limit = `at most ${MAX_HEADER_BYTES} are allowed: this is not a .safetensors file, or it is damaged`;
    fail(0, `the header's length is ${headerLength} bytes; ${limit}`);
  }
  const dataStart = PREFIX_BYTES + Number(headerLength);
  if (dataStart > source.size) {
    fail(0, `the header would end at byte ${dataStart}, and the file ends at byte ${source.size}: it is cut short`);
  }

  const { entries, placeOf } = parseHeader(await source.read(PREFIX_BYTES, Number(headerLength)), fail);
  const metadata = entries[METADATA] === undefined ? {} : checkMetadata(entries[METADATA], placeOf, fail);
  const spans = Object.entries(entries)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => ({ name, ...checkEntry(entry, (reason) => fail(placeOf(name), reason, name)) }));

  // The data must have neither holes nor overlaps, so each tensor begins where the one before it ends.
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const dataLength = source.size - dataStart;
  let position = 0;
  for (const { name, begin, end } of spans) {
    if (end > dataLength) {
      const reason = `its data would end at byte ${end} of the data, which has ${dataLength} bytes: the file is cut short`;
      fail(placeOf(name), reason, name);
    }
    if (begin !== position) {
      const wrong = begin < position ? "overlap" : "have holes";
      const reason = `its data begins at byte ${begin} of the data, and the tensor before it ends at byte ${position}: data may not ${wrong}`;
      fail(placeOf(name), reason, name);
    }
    position = end;
  }
  if (position !== dataLength) {
    fail(dataStart + position, `the last tensor's data ends here, and ${dataLength - position} more bytes follow`);
  }

  return {
    metadata,
    tensors: spans.map(({ name, dtype, shape, begin, end }) => {
      const part = partOf(source, dataStart + begin, end - begin);
      return lentBy({ name, dtype, shape, byteLength: part.size, read: part.read }, lenderOf(part));
    }),
  };
}

type Fail = (offset: number, reason: string, tensor?: string) => never;
type PlaceOf = (name: string) => number;

function parseHeader(header: Uint8Array, fail: Fail): { entries: Record<string, unknown>; placeOf: PlaceOf } {
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    fail(PREFIX_BYTES, "the header is not UTF-8");
  }
  if (text[0] !== "{") fail(PREFIX_BYTES, "the header does not start with '{': this is not a .safetensors file");
  const byteAt = (character: number) => PREFIX_BYTES + new TextEncoder().encode(text.slice(0, character)).length;
  try {
    const { value, places } = parseJson(text, MAX_DEPTH);
    return { entries: value as Record<string, unknown>, placeOf: (name) => byteAt(places.get(name) as number) };
  } catch (error) {
    if (error instanceof JsonProblem) return fail(byteAt(error.at), `the header is damaged: ${error.message}`);
    throw error;
  }
}

function checkMetadata(entry: unknown, placeOf: PlaceOf, fail: Fail): Record<string, string> {
  if (!isRecord(entry)) return fail(placeOf(METADATA), `${METADATA} must be an object of strings`);
  for (const [name, text] of Object.entries(entry)) {
    if (typeof text === "string") continue;
    fail(placeOf(METADATA), `${METADATA} has a value that is not a string, under ${shownJson(name)}`);
  }
  return entry as Record<string, string>;
}

function checkEntry(entry: unknown, fail: (reason: string) => never) {
  if (!isRecord(entry)) return fail("its entry in the header must be an object with dtype, shape and data_offsets");
  const { dtype: dtypeName, shape, data_offsets: offsets } = entry;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

  if (typeof dtypeName !== "string" || !Object.hasOwn(dtypes, dtypeName)) {
    return fail(`its dtype is ${shownJson(dtypeName)}; known are ${Object.keys(dtypes).join(", ")}`);
  }
  if (!isShape(shape)) {
    return fail(`its shape is ${shownJson(shape)}; it must be an array of ${shapeLimits}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    return fail(`its data_offsets are ${shownJson(offsets)}; they must be [begin, end] with 0 <= begin <= end`);
  }
  const dtype = dtypes[dtypeName] as Dtype;
  const [begin, end] = offsets as [number, number];
  const needed = exactByteLength(dtype, shape);
  if (needed !== BigInt(end - begin)) {
    const takes = needed === undefined ? "no whole number of bytes" : `${needed} bytes`;
    return fail(
      `its data_offsets span ${end - begin} bytes, and shape ${shownJson(shape)} of ${dtypeName} takes ${takes}`,
    );
  }
  return { dtype, shape, begin, end };
}

/** A .safetensors file to be written: its header, and where the data of tensors lie. */
export interface SafetensorsLayout {
  /** The bytes before the data: the header after its length. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** The offset of each tensor's data in the file, in the order given. */
  readonly offsets: readonly number[];
  /** The size of the file in bytes. */
  readonly byteLength: number;
}

/**
 * Lays out a .safetensors file.
 *
 * Readers view tensors in place, so each must lie at a multiple of the size of its elements, and holes are not allowed.
 * Tensors of a multiple of 8 bytes therefore come first, in the order given, then the others, those with large elements
 * first.
 *
 * @throws {RangeError} where the header would be longer than the format allows, and for the name that it reserves.
 */
export function layOutSafetensors(
  tensors: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>>,
): SafetensorsLayout {
  if (tensors.some(({ name }) => name === METADATA)) throw new RangeError(`${METADATA} cannot be the name of a tensor`);
  const alignments = tensors.map(({ dtype, byteLength }) => (byteLength % 8 === 0 ? 8 : bytesPerElement(dtype)));
  const order = [...tensors.keys()].sort((a, b) => alignments[b] - alignments[a]);

  const begins: number[] = [];
  const entries = Object.keys(metadata).length === 0 ? [] : [`"${METADATA}":${JSON.stringify(metadata)}`];
  let dataLength = 0;
  for (const i of order) {
    const { name, dtype, shape, byteLength } = tensors[i];
    begins[i] = dataLength;
    dataLength += byteLength;
    const info = `{"dtype":"${namesOfDtypes.get(dtype)}","shape":[${shape}],"data_offsets":[${begins[i]},${dataLength}]}`;
    entries.push(`${JSON.stringify(name)}:${info}`);
  }
  const json = new TextEncoder().encode(`{${entries.join(",")}}`);
  const dataStart = Math.ceil((PREFIX_BYTES + json.length) / 8) * 8;
  if (dataStart - PREFIX_BYTES > MAX_HEADER_BYTES) {
    throw new RangeError(`the header would take ${json.length} bytes; the format allows ${MAX_HEADER_BYTES}`);
  }

  const header = new Uint8Array(dataStart).fill(0x20, PREFIX_BYTES);
  new DataView(header.buffer).setBigUint64(0, BigInt(dataStart - PREFIX_BYTES), true);
  header.set(json, PREFIX_BYTES);
  return { header, offsets: begins.map((begin) => dataStart + begin), byteLength: dataStart + dataLength };
}

/** Writes a .safetensors file. */
export function safetensorsWriter(
  sink: ByteSink,
  tensors: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>>,
): TensorWriter {
  const { header, offsets, byteLength } = layOutSafetensors(tensors, metadata);
  return {
    byteLength,
    begin: () => sink.write(0, header),
    write: (tensor, offset, bytes) => sink.write(offsets[tensor] + offset, bytes),
    lender: (tensor) => lendFrom(lenderOf(sink), offsets[tensor]),
    end: async () => {},
  };
}
