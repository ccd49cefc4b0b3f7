import type { Cursor } from "./cursor.js";

/** A value of a key or an element of an array. 64-bit integers are BigInt where a number would not be exact. */
export type GgufValue = number | bigint | boolean | string;

/** The types of values, in the order of their numbers in files. */
const valueTypes = [
  ...(["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"] as const),
  ...(["bool", "string", "array", "uint64", "int64", "float64"] as const),
] as const;

/** The type of a value, or of the elements of an array. */
export type GgufValueType = Exclude<(typeof valueTypes)[number], "array">;

const bytesOfValue: Readonly<Record<Exclude<GgufValueType, "string">, number>> = {
  ...{
    uint8: 1,
    int8: 1,
    bool: 1,
    uint16: 2,
    int16: 2,
    uint32: 4,
    int32: 4,
    float32: 4,
    uint64: 8,
    int64: 8,
    float64: 8,
  },
};

/** A key of a GGUF with its value or array of values. */
export interface GgufKey {
  /** The name, such as "general.architecture". */
  readonly name: string;
  /** The type of the value, or of the elements of the array. */
  readonly type: GgufValueType;
  /** The number of elements; undefined where the value is not an array. */
  readonly arrayLength: number | undefined;
  /** The value as a list of one; of an array `count` elements from `start` on, by default all. */
  values(start?: number, count?: number): readonly GgufValue[];
  /** @internal The entry in the file, from the length of its name on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The limit that the specification of the format gives. */
const MAX_KEY_BYTES = 65535;

/** The length of a name, a type, and the smallest value. */
export const LEAST_KEY_BYTES = 8 + 4 + 1;

/** Reads one key, and skips its value. */
export async function readKey(cursor: Cursor): Promise<GgufKey> {
  const start = cursor.position;
  const name = await cursor.text("the name of a key", MAX_KEY_BYTES);
  if (name === "") cursor.fail("a key has no name", { offset: start });
  const what = `the value of ${name}`;
  const given = await readType(cursor, name);
  const isArray = given === "array";
  const type = isArray ? await readType(cursor, name) : given;
  if (type === "array") {
    return cursor.fail(`${name} is an array of arrays, which is not read: llama.cpp does not read it either`);
  }
  const least = type === "string" ? 8 : bytesOfValue[type];
  const length = isArray ? await cursor.count(`the length of the array ${name}`, least) : 1;
  const valuesStart = cursor.position - start;
  if (type === "string") await cursor.skipTexts(length, what);
  else await cursor.skip(length * bytesOfValue[type], what);
  const bytes = cursor.since(start);
  return {
    ...{ name, type, bytes, arrayLength: isArray ? length : undefined },
    values: (from = 0, count = length - from) =>
      valuesIn(bytes, valuesStart, type, from, Math.min(count, length - from)),
  };
}

async function readType(cursor: Cursor, name: string) {
  const offset = cursor.position;
  const number = await cursor.u32(`the type of ${name}`);
  const type = valueTypes[number];
  if (type !== undefined) return type;
  return cursor.fail(`the type of ${name} is ${number}; known are 0 to ${valueTypes.length - 1}`, { offset });
}

function valuesIn(bytes: Uint8Array, at: number, type: GgufValueType, from: number, count: number): GgufValue[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type !== "string") {
    const size = bytesOfValue[type];
    return Array.from({ length: count }, (_, i) => valueAt(view, at + (from + i) * size, type));
  }
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const texts: string[] = [];
  let position = at;
  for (let i = 0; i < from + count; i++) {
    const end = position + 8 + view.getUint32(position, true);
    if (i >= from) texts.push(decoder.decode(bytes.subarray(position + 8, end)));
    position = end;
  }
  return texts;
}

function valueAt(view: DataView, at: number, type: Exclude<GgufValueType, "string">): GgufValue {
  switch (type) {
    case "uint8":
      return view.getUint8(at);
    case "int8":
      return view.getInt8(at);
    case "uint16":
      return view.getUint16(at, true);
    case "int16":
      return view.getInt16(at, true);
    case "uint32":
      return view.getUint32(at, true);
    case "int32":
      return view.getInt32(at, true);
    case "float32":
      return view.getFloat32(at, true);
    case "float64":
      return view.getFloat64(at, true);
    case "bool":
      return view.getUint8(at) !== 0;
    case "uint64":
      return exact(view.getBigUint64(at, true));
    case "int64":
      return exact(view.getBigInt64(at, true));
  }
}

function exact(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** The first elements are enough for a person who reads an array. */
const MOST_SHOWN = 8;

/** A value as text; a long array is shortened to its first elements and its length. */
export function keyText({ arrayLength, values }: GgufKey): string {
  if (arrayLength === undefined) return String(values()[0]);
  const shown = values(0, MOST_SHOWN).map((value) => JSON.stringify(typeof value === "bigint" ? `${value}` : value));
  const more = arrayLength > MOST_SHOWN ? `, ... ${arrayLength} in all` : "";
  return `[${shown.join(", ")}${more}]`;
}

/** An integer key, such as the number of layers; of an array, as for heads in each layer, the first element. */
export function integerOf(keys: readonly GgufKey[], name: string): number | undefined {
  const [value] = keys.find((key) => key.name === name)?.values(0, 1) ?? [];
  return typeof value === "number" && Number.isInteger(value) ? value : undefined;
}

/** A text key. */
export function textOf(keys: readonly GgufKey[], name: string): string | undefined {
  const key = keys.find((each) => each.name === name);
  return key?.type === "string" && key.arrayLength === undefined ? String(key.values()[0]) : undefined;
}

/** A key with an integer, with its bytes in a file. */
export function integerKey(name: string, type: "uint16" | "uint32" | "int32", value: number): GgufKey {
  const bytes = keyBytes(name, type, bytesOfValue[type]);
  const view = new DataView(bytes.buffer);
  const at = bytes.length - bytesOfValue[type];
  if (type === "uint16") view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return { name, type, arrayLength: undefined, bytes, values: () => [value] };
}

/** A key with a text, with its bytes in a file. */
export function textKey(name: string, value: string): GgufKey {
  const text = new TextEncoder().encode(value);
  const bytes = keyBytes(name, "string", 8 + text.length);
  const at = bytes.length - text.length;
  new DataView(bytes.buffer).setBigUint64(at - 8, BigInt(text.length), true);
  bytes.set(text, at);
  return { name, type: "string", arrayLength: undefined, bytes, values: () => [value] };
}

/** A key with an array of integers of 32 bits, with its bytes in a file. */
export function integersKey(name: string, values: readonly number[]): GgufKey {
  const bytes = keyBytes(name, "array", 4 + 8 + 4 * values.length);
  const view = new DataView(bytes.buffer);
  const at = bytes.length - 4 * values.length;
  view.setUint32(at - 12, valueTypes.indexOf("int32"), true);
  view.setBigUint64(at - 8, BigInt(values.length), true);
  for (const [i, value] of values.entries()) view.setInt32(at + 4 * i, value, true);
  return {
    ...{ name, type: "int32", arrayLength: values.length, bytes },
    values: (start = 0, count = values.length - start) => values.slice(start, start + count),
  };
}

/** The bytes of a key with `valueBytes` zeros for its value, which the caller sets. */
function keyBytes(name: string, type: (typeof valueTypes)[number], valueBytes: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(8 + text.length + 4 + valueBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  view.setUint32(8 + text.length, valueTypes.indexOf(type), true);
  return bytes;
}
