import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { elementsOf, isShape, shapeLimits } from "../../tensor/dtypes.js";
import { Cursor } from "./cursor.js";
import { type GgufKey, integerOf, LEAST_KEY_BYTES, readKey } from "./keys.js";
import { bytesOfType, type GgufType, typeOfId } from "./types.js";

/** The entry of a tensor in the header. */
export interface TensorEntry {
  readonly name: string;
  readonly type: GgufType;
  /** The row-major shape: the file stores the dimensions in reverse order. */
  readonly shape: readonly number[];
  /** The offset of the first byte of data in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** Everything that precedes the data in a GGUF. */
export interface Header {
  readonly version: number;
  readonly keys: readonly GgufKey[];
  /** The tensors in the order of the header. */
  readonly tensors: readonly TensorEntry[];
  /** The data of each tensor begin at a multiple of this many bytes from the start of all data. */
  readonly alignment: number;
}

const ALIGNMENT = "general.alignment";
export const DEFAULT_ALIGNMENT = 32;

/** llama.cpp allows 63, and ComfyUI's converter 127. */
const MAX_NAME_BYTES = 127;

/** llama.cpp allows 4; weights of convolutions over time have 5. */
const MAX_DIMENSIONS = 8;

/** The length of a name, the number of dimensions, a type and an offset. */
const LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;

/**
 * Reads the header of a GGUF.
 *
 * @throws {FormatError} for a malformed file. A header that is returned is sound: no data are read to check it.
 */
export async function readHeader(source: ByteSource): Promise<Header> {
  const cursor = new Cursor(source);
  const version = await readVersion(cursor);
  const tensorCount = await cursor.count("the number of tensors", LEAST_TENSOR_BYTES);
  const keyCount = await cursor.count("the number of keys", LEAST_KEY_BYTES);

  const keys: GgufKey[] = [];
  const names = new Set<string>();
  for (let i = 0; i < keyCount; i++) {
    const offset = cursor.position;
    const key = await readKey(cursor);
    if (names.has(key.name)) cursor.fail(`the key ${key.name} is there twice`, { offset });
    names.add(key.name);
    keys.push(key);
  }
  const alignment = alignmentOf(keys, cursor);

  const entries: Entry[] = [];
  const tensorNames = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const entry = await readEntry(cursor, alignment);
    const { name: tensor, place } = entry;
    if (tensorNames.has(tensor)) cursor.fail("there is another tensor of this name", { offset: place, tensor });
    tensorNames.add(tensor);
    entries.push(entry);
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { version, keys, alignment, tensors: placed(entries, { dataStart, alignment }, source) };
}

async function readVersion(cursor: Cursor): Promise<number> {
  const magic = new TextDecoder("latin1").decode(await cursor.bytes(4, "the letters GGUF"));
  if (magic !== "GGUF") cursor.fail("it does not begin with the letters GGUF: it is not a GGUF file", { offset: 0 });
  const offset = cursor.position;
  const version = await cursor.u32("the version");
  if (version === 2 || version === 3) return version;
  // These are the versions 2 and 3 in the other byte order.
  if (version === 0x02000000 || version === 0x03000000) {
    cursor.fail("it is big-endian, which is not read: convert it with gguf_convert_endian.py of llama.cpp", { offset });
  }
  return cursor.fail(`its version is ${version}; 2 and 3 are read: convert the model again with a newer llama.cpp`, {
    offset,
  });
}

function alignmentOf(keys: readonly GgufKey[], cursor: Cursor): number {
  const key = keys.find(({ name }) => name === ALIGNMENT);
  if (key === undefined) return DEFAULT_ALIGNMENT;
  const alignment = integerOf(keys, ALIGNMENT) ?? 0;
  const isPower = alignment > 0 && Math.log2(alignment) % 1 === 0;
  if (key.type === "uint32" && key.arrayLength === undefined && isPower && alignment <= 2 ** 30) return alignment;
  return cursor.fail(`${ALIGNMENT} is ${key.values(0, 1)} (${key.type}); it must be a power of two (uint32)`, {
    offset: 0,
  });
}

/** An entry before its place in the file is known: where the data begin is known only after the last entry. */
interface Entry extends Omit<TensorEntry, "offset"> {
  /** The offset of the entry in the file. */
  readonly place: number;
  /** The offset from the start of all data. */
  readonly offset: bigint;
}

async function readEntry(cursor: Cursor, alignment: number): Promise<Entry> {
  const place = cursor.position;
  const name = await cursor.text("the name of a tensor", MAX_NAME_BYTES);
  const fail = (reason: string) => cursor.fail(reason, { offset: place, tensor: name });
  if (name === "") cursor.fail("a tensor has no name: the file is damaged", { offset: place });
  const rank = await cursor.u32(`the number of dimensions of ${name}`);
  if (rank > MAX_DIMENSIONS) fail(`it has ${rank} dimensions; at most ${MAX_DIMENSIONS} are read`);
  const dimensions: bigint[] = [];
  for (let i = 0; i < rank; i++) dimensions.unshift(await cursor.u64(`the dimensions of ${name}`));
  const shape = dimensions.map(Number);
  if (!isShape(shape)) fail(`its shape is [${dimensions.join(", ")}]; it must be of ${shapeLimits}`);
  const id = await cursor.u32(`the type of ${name}`);
  const type = typeOfId(id) ?? fail(`its type is ${id}, which is not known: a newer or another program wrote it`);
  const offset = await cursor.u64(`the offset of ${name}`);

  const columns = shape.at(-1) ?? 1;
  if (columns % type.blockLength !== 0) {
    fail(`its rows have ${columns} weights; those of ${type.name} are a multiple of ${type.blockLength}`);
  }
  if (offset % BigInt(alignment) !== 0n) fail(`its offset is ${offset}; it must be a multiple of ${alignment}`);
  return { name, type, shape, place, offset, byteLength: bytesOfType(type, elementsOf(shape)) };
}

/** Computes where tensors lie in the file, and checks that each follows the one before, and nothing the last. */
function placed(
  entries: readonly Entry[],
  { dataStart, alignment }: { readonly dataStart: number; readonly alignment: number },
  { name: file, size }: ByteSource,
): TensorEntry[] {
  const sorted = [...entries].sort((a, b) => Number(a.offset - b.offset) || a.byteLength - b.byteLength);
  let end = 0n;
  let before = "";
  for (const { name: tensor, offset, byteLength, place } of sorted) {
    const fail = (reason: string): never => {
      throw new FormatError({ file, tensor, offset: place, reason });
    };
    const last = BigInt(dataStart) + offset + BigInt(byteLength);
    if (last > size) {
      fail(`its data would end at byte ${last} of the file, which has ${size} bytes: the file is cut short`);
    }
    if (offset < end) {
      fail(`its data begins at byte ${offset} of the data, and that of ${before} ends at ${end}: data may not overlap`);
    }
    // ggml reads no file in which data does not follow data.
    const expected = upTo(end, BigInt(alignment));
    if (byteLength > 0 && offset > expected) {
      const lost = `the ${offset - expected} bytes before it belong to no tensor`;
      fail(`its data begins at byte ${offset} of the data, and ${lost}: the file is damaged`);
    }
    if (byteLength > 0) [end, before] = [offset + BigInt(byteLength), tensor];
  }
  const dataEnd = dataStart + Number(end);
  // Writers fill up the last tensor, and files of keys alone, to a multiple of the alignment.
  const fileEnd = dataStart + Number(upTo(end, BigInt(alignment)));
  if (size > fileEnd) {
    const more = `the last tensor's data ends here, and ${size - dataEnd} more bytes follow`;
    throw new FormatError({ file, offset: dataEnd, reason: `${more}: the file is damaged` });
  }
  return entries.map(({ name, type, shape, byteLength, offset }) => ({
    ...{ name, type, shape, byteLength, offset: dataStart + Number(offset) },
  }));
}

/** The next multiple. */
function upTo(offset: bigint, alignment: bigint): bigint {
  return ((offset + alignment - 1n) / alignment) * alignment;
}
