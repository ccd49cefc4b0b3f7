// A GGUF put together by hand, so that any part of it can be wrong.

/** The numbers of the types of values. */
export const valueType = {
  ...{ uint8: 0, int8: 1, uint16: 2, int16: 3, uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 },
  ...{ uint64: 10, int64: 11, float64: 12 },
};
type ValueType = Exclude<keyof typeof valueType, "array">;

/** The numbers of some types of tensors. */
export const tensorType = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q8_0: 8,
  Q4_K: 12,
  I8: 24,
  I16: 25,
  I32: 26,
  I64: 27,
  F64: 28,
  BF16: 30,
};

export interface KeyToWrite {
  name: string;
  type: ValueType;
  value: unknown;
}

export interface TensorToWrite {
  name: string;
  type: number;
  /** The row-major shape. */
  shape: readonly (number | bigint)[];
  data: Uint8Array;
  /** The offset to write, where it is not the true one. */
  offset?: number | bigint;
}

export interface FileToWrite {
  version?: number;
  keys?: readonly KeyToWrite[];
  tensors?: readonly TensorToWrite[];
  alignment?: number;
  tensorCount?: bigint;
  keyCount?: bigint;
}

/** Joins values into bytes, little-endian. */
export class Bytes {
  readonly #parts: number[] = [];

  get length() {
    return this.#parts.length;
  }

  raw(bytes: Iterable<number>) {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  number(size: number, set: (view: DataView) => void) {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    return this.raw(bytes);
  }

  u32(value: number) {
    return this.number(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number | bigint) {
    return this.number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  text(text: string) {
    const bytes = new TextEncoder().encode(text);
    return this.u64(bytes.length).raw(bytes);
  }

  value(type: ValueType, value: unknown): this {
    if (type === "string") return this.text(value as string);
    const number = value as number;
    const big = () => BigInt(value as number | bigint);
    const setters: Record<Exclude<ValueType, "string">, [number, (view: DataView) => void]> = {
      uint8: [1, (view) => view.setUint8(0, number)],
      int8: [1, (view) => view.setInt8(0, number)],
      uint16: [2, (view) => view.setUint16(0, number, true)],
      int16: [2, (view) => view.setInt16(0, number, true)],
      uint32: [4, (view) => view.setUint32(0, number, true)],
      int32: [4, (view) => view.setInt32(0, number, true)],
      float32: [4, (view) => view.setFloat32(0, number, true)],
      bool: [1, (view) => view.setUint8(0, value ? 1 : 0)],
      uint64: [8, (view) => view.setBigUint64(0, big(), true)],
      int64: [8, (view) => view.setBigInt64(0, big(), true)],
      float64: [8, (view) => view.setFloat64(0, number, true)],
    };
    return this.number(...setters[type]);
  }

  key({ name, type, value }: KeyToWrite) {
    this.text(name);
    if (!Array.isArray(value)) return this.u32(valueType[type]).value(type, value);
    this.u32(valueType.array).u32(valueType[type]).u64(value.length);
    for (const each of value) this.value(type, each);
    return this;
  }

  padded(alignment: number) {
    return this.raw(new Uint8Array((alignment - (this.length % alignment)) % alignment));
  }

  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#parts);
  }
}

/** A file as described, right or wrong. */
export function ggufFile(file: FileToWrite): Uint8Array<ArrayBuffer> {
  const { version = 3, keys = [], tensors = [], alignment = 32 } = file;
  const header = new Bytes().raw(new TextEncoder().encode("GGUF")).u32(version);
  header.u64(file.tensorCount ?? tensors.length).u64(file.keyCount ?? keys.length);
  for (const key of keys) header.key(key);
  let place = 0;
  for (const { name, type, shape, data, offset = place } of tensors) {
    header.text(name).u32(shape.length);
    for (const dimension of [...shape].reverse()) header.u64(dimension);
    header.u32(type).u64(offset);
    place += Math.ceil(data.length / alignment) * alignment;
  }
  const start = header.padded(alignment).length;
  const bytes = new Uint8Array(start + place);
  bytes.set(header.done());
  place = start;
  for (const { data } of tensors) {
    bytes.set(data, place);
    place += Math.ceil(data.length / alignment) * alignment;
  }
  return bytes;
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
