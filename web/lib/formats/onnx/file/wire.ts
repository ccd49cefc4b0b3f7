import { FormatError } from "../../../core/errors.js";
import type { ByteSource } from "../../../io/bytes.js";

// Reads protocol buffers in a file (https://protobuf.dev/programming-guides/encoding). A message is a run of fields; a
// field is a tag, with its number and wire type, and a value. Small windows of the file are read, so that a value of
// gigabytes is stepped over. Every field keeps its place, so that a message can be changed while everything else is
// copied.

/** Wire types. Groups (3 and 4) are obsolete, and ONNX has none. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A stretch of the file, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A field, whose value lies from `start` to `end`. */
export interface Field extends Span {
  /** The number of the field in its message. */
  readonly id: number;
  readonly type: number;
  /** The place of its tag. */
  readonly at: number;
  /** The value of a varint as a signed integer, exact up to 2^53; above that it is not a safe integer. */
  readonly value: number;
}

/** A message inside another, or the file itself. */
export interface Message extends Span {
  /** The number of the field that holds it, and the place of that field; 0 for the file. */
  readonly id: number;
  readonly at: number;
  readonly parent: Message | undefined;
}

/** The size suffices for most messages. Every value that is stepped over costs one read. */
const WINDOW_BYTES = 2 ** 16;

/** The most bytes of a tag and a length. */
const MAX_FIELD_HEAD = 10 + 10;

/** Names are read whole. A longer one is a damaged length. */
const MAX_TEXT_BYTES = 2 ** 20;

/** The most fields that are read of a file, since each takes memory. Language models have some hundred thousand. */
const MAX_FIELDS = 2 ** 21;

const utf8 = new TextDecoder();

export type WireReader = ReturnType<typeof wireReader>;

export function wireReader(source: ByteSource) {
  let window = new Uint8Array();
  let windowStart = 0;
  let fieldsRead = 0;

  function fail(offset: number, reason: string, tensor?: string): never {
    throw new FormatError({ file: source.name, tensor, offset, reason });
  }

  /** Whether the window holds `length` bytes from `start` on, or all up to the end of the file. */
  function sees(start: number, length: number): boolean {
    return start >= windowStart && Math.min(start + length, source.size) <= windowStart + window.length;
  }

  /** Moves the window so that it holds these bytes. */
  async function look(start: number, length: number): Promise<void> {
    window = await source.read(start, Math.min(Math.max(length, WINDOW_BYTES), source.size - start));
    windowStart = start;
  }

  /** Reads a varint in the window, which must end before `limit`. */
  function varint(at: number, limit: number, what: string): { value: number; end: number } {
    let [low, high] = [0, 0];
    for (let i = 0; i < 10; i++) {
      if (at + i >= limit) fail(at, `${what} is cut short by the end of the message at byte ${limit}: export it again`);
      const byte = window[at + i - windowStart] as number;
      // The varint is added up in two halves, because shifts are limited to 32 bits.
      if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i);
      else if (i === 4) {
        low += (byte & 0x0f) * 2 ** 28;
        high += (byte & 0x7f) >> 4;
      } else high += (byte & 0x7f) * 2 ** (7 * i - 32);
      if (byte < 0x80) return { value: ((high % 2 ** 32) | 0) * 2 ** 32 + low, end: at + i + 1 };
    }
    return fail(at, `${what} is a varint of more than 10 bytes: the file is damaged, export it again`);
  }

  /** Reads the fields of a message. `what` names it in messages. */
  async function fields({ start, end }: Span, what: string): Promise<Field[]> {
    const found: Field[] = [];
    for (let at = start; at < end; ) {
      if (!sees(at, MAX_FIELD_HEAD)) await look(at, MAX_FIELD_HEAD);
      const tag = varint(at, end, `a tag of ${what}`);
      const [id, type] = [Math.floor(tag.value / 8), tag.value % 8];
      if (id < 1 || id >= 2 ** 29)
        fail(at, `${what} has a field numbered ${id}, which is not possible: export it again`);
      if (++fieldsRead > MAX_FIELDS) fail(at, `the file has more than ${MAX_FIELDS} fields, which is the limit`);
      const named = `field ${id} of ${what}`;
      let [value, valueStart, valueEnd] = [0, tag.end, tag.end];
      if (type === wireType.varint) {
        ({ value, end: valueEnd } = varint(tag.end, end, named));
      } else if (type === wireType.bytes) {
        const length = varint(tag.end, end, `the length of ${named}`);
        valueStart = length.end;
        valueEnd = valueStart + length.value;
        if (length.value < 0 || valueEnd > end) {
          fail(at, `${named} takes ${length.value} bytes, and ${end - valueStart} are left: ${cutShort(end)}`);
        }
      } else if (type === wireType.fixed32 || type === wireType.fixed64) {
        valueEnd += type === wireType.fixed32 ? 4 : 8;
        if (valueEnd > end) fail(at, `${named} is cut short by the end of the message: ${cutShort(end)}`);
      } else {
        fail(
          at,
          `${named} has the wire type ${type}; ONNX has 0, 1, 2 and 5: this is not an ONNX file, or it is damaged`,
        );
      }
      found.push({ id, type, at, start: valueStart, end: valueEnd, value });
      at = valueEnd;
    }
    return found;
  }

  function cutShort(end: number): string {
    return end === source.size ? "the file is cut short, or not an ONNX model" : "the file is damaged, export it again";
  }

  /** Reads bytes of the file. The caller ensures that `span` is small. */
  async function bytes({ start, end }: Span): Promise<Uint8Array> {
    if (!sees(start, end - start)) await look(start, end - start);
    return window.subarray(start - windowStart, end - windowStart);
  }

  async function text(field: Field, what: string): Promise<string> {
    expectType(field, wireType.bytes, what);
    const length = field.end - field.start;
    if (length > MAX_TEXT_BYTES) fail(field.at, `${what} takes ${length} bytes; at most ${MAX_TEXT_BYTES} are read`);
    return utf8.decode(await bytes(field));
  }

  function message(field: Field, parent: Message, what: string): Message {
    expectType(field, wireType.bytes, what);
    return { id: field.id, at: field.at, start: field.start, end: field.end, parent };
  }

  async function float(field: Field, what: string): Promise<number> {
    expectType(field, wireType.fixed32, what);
    const { buffer, byteOffset } = await bytes(field);
    return new DataView(buffer, byteOffset, 4).getFloat32(0, true);
  }

  function integer(field: Field, what: string): number {
    expectType(field, wireType.varint, what);
    if (!Number.isSafeInteger(field.value))
      fail(field.at, `${what} is beyond 2^53: the file is damaged, export it again`);
    return field.value;
  }

  /** Adds repeated integers, of which each is a field of its own, or many are packed into one. */
  async function integers(field: Field, into: number[], what: string): Promise<void> {
    if (field.type === wireType.varint) {
      into.push(field.value);
      return;
    }
    expectType(field, wireType.bytes, what);
    for (let at = field.start; at < field.end; ) {
      if (!sees(at, MAX_FIELD_HEAD)) await look(at, MAX_FIELD_HEAD);
      const { value, end } = varint(at, field.end, what);
      into.push(value);
      at = end;
    }
  }

  function expectType(field: Field, type: number, what: string): void {
    if (field.type === type) return;
    fail(field.at, `${what} has the wire type ${field.type}; it must be ${type}: the file is damaged, export it again`);
  }

  return { source, fail, fields, bytes, text, message, float, integer, integers };
}

/** Encodes an integer between -2^53 and 2^53 as a varint. Negative ones are those of 64 bits. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    return [...bytes, Number(rest)];
  }
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}

export function varintField(id: number, value: number): number[] {
  return [...varint(id * 8 + wireType.varint), ...varint(value)];
}

/** Encodes the tag and the length of a field of `length` bytes. */
export function bytesHead(id: number, length: number): number[] {
  return [...varint(id * 8 + wireType.bytes), ...varint(length)];
}

const encoder = new TextEncoder();

/** Encodes a field with a string, or with a message that is encoded already. */
export function bytesField(id: number, content: string | readonly number[]): number[] {
  const bytes = typeof content === "string" ? Array.from(encoder.encode(content)) : content;
  return [...bytesHead(id, bytes.length), ...bytes];
}
