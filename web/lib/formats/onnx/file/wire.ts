import { FormatError } from "../../../core/errors.js";
import type { ByteSource } from "../../../io/bytes.js";

// Protocol buffers as they lie in a file (https://protobuf.dev/programming-guides/encoding): a message is a run of fields,
// a field a tag (its number and wire type) and a value. Read a few bytes at a time, so that a value of gigabytes is stepped
// over, and with the place of every field, so that a message can be changed and all else copied as it is.

/** Wire types. Groups (3 and 4) are obsolete, and ONNX has none. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A part of the file, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A field, whose value lies from `start` to `end`. */
export interface Field extends Span {
  /** Its number in the message. */
  readonly id: number;
  readonly type: number;
  /** Where its tag begins. */
  readonly at: number;
  /** Of a varint, as a signed integer: exact to 2^53, and beyond that no safe integer. */
  readonly value: number;
}

/** A message inside another, or the file itself. */
export interface Message extends Span {
  /** The number of the field that holds it, and where that begins; 0 for the file. */
  readonly id: number;
  readonly at: number;
  readonly parent: Message | undefined;
}

/** Enough for most messages; every value that is stepped over costs one read. */
const WINDOW_BYTES = 2 ** 16;

/** A tag and a length take at most this. */
const MAX_FIELD_HEAD = 10 + 10;

/** Names are read whole; one above this is a damaged length. */
const MAX_TEXT_BYTES = 2 ** 20;

/** Fields that are read of one file; language models have some hundred thousand. What is read of them takes memory. */
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

  /** Whether the bytes from `start` on are in the window: `length` of them, or all up to the end of the file. */
  function sees(start: number, length: number): boolean {
    return start >= windowStart && Math.min(start + length, source.size) <= windowStart + window.length;
  }

  /** Moves the window to these bytes. */
  async function look(start: number, length: number): Promise<void> {
    window = await source.read(start, Math.min(Math.max(length, WINDOW_BYTES), source.size - start));
    windowStart = start;
  }

  /** Reads a varint of the window. Its end is wanted before `limit`. */
  function varint(at: number, limit: number, what: string): { value: number; end: number } {
    let [low, high] = [0, 0];
    for (let i = 0; i < 10; i++) {
      if (at + i >= limit) fail(at, `${what} is cut short by the end of the message at byte ${limit}: export it again`);
      const byte = window[at + i - windowStart] as number;
      // In two halves, because a number has no 64 bits to shift.
      if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i);
      else if (i === 4) {
        low += (byte & 0x0f) * 2 ** 28;
        high += (byte & 0x7f) >> 4;
      } else high += (byte & 0x7f) * 2 ** (7 * i - 32);
      if (byte < 0x80) return { value: ((high % 2 ** 32) | 0) * 2 ** 32 + low, end: at + i + 1 };
    }
    return fail(at, `${what} is a varint of more than 10 bytes: the file is damaged, export it again`);
  }

  /** The fields of a message. `what` names it for people. */
  async function fields({ start, end }: Span, what: string): Promise<Field[]> {
    const found: Field[] = [];
    for (let at = start; at < end; ) {
      if (!sees(at, MAX_FIELD_HEAD)) await look(at, MAX_FIELD_HEAD);
      const tag = varint(at, end, `a tag of ${what}`);
      const [id, type] = [Math.floor(tag.value / 8), tag.value % 8];
      if (id < 1 || id >= 2 ** 29) fail(at, `${what} has a field numbered ${id}, which none can be: export it again`);
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
        fail(at, `${named} has the wire type ${type}; ONNX has 0, 1, 2 and 5: this is no ONNX file, or a damaged one`);
      }
      found.push({ id, type, at, start: valueStart, end: valueEnd, value });
      at = valueEnd;
    }
    return found;
  }

  function cutShort(end: number): string {
    return end === source.size ? "the file is cut short, or no ONNX model" : "the file is damaged, export it again";
  }

  /** Bytes of the file; `span` is trusted to be small. */
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

  /** Adds integers as they are repeated: each a field of its own, or many packed into one. */
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

/** A varint of a whole number from 0 to 2^53. */
export function varint(value: number): number[] {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}

export function varintField(id: number, value: number): number[] {
  return [...varint(id * 8 + wireType.varint), ...varint(value)];
}

/** The tag and the length of a field of so many bytes. */
export function bytesHead(id: number, length: number): number[] {
  return [...varint(id * 8 + wireType.bytes), ...varint(length)];
}

const encoder = new TextEncoder();

/** A string, or a message already encoded. */
export function bytesField(id: number, content: string | readonly number[]): number[] {
  const bytes = typeof content === "string" ? Array.from(encoder.encode(content)) : content;
  return [...bytesHead(id, bytes.length), ...bytes];
}
