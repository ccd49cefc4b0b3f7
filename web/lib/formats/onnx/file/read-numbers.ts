import type { Run } from "./proto.js";
import { type Field, type Span, type WireReader, wireType } from "./wire.js";

// Reads lists of numbers, as far as they matter.

/** No shape and no permutation has more integers. */
export const MAX_INTEGERS = 64;

/** No tensor has more dimensions to resize. */
const MAX_FEW_FLOATS = 8;

/** Adds to the list until it is too long to matter. */
export async function shortList(
  reader: WireReader,
  field: Field,
  list: number[],
  what: string,
): Promise<number[] | undefined> {
  if (field.type === wireType.bytes && field.end - field.start > 10 * MAX_INTEGERS) return undefined;
  await reader.integers(field, list, `an integer of ${what}`);
  return list.length > MAX_INTEGERS ? undefined : list;
}

export async function rawIntegers(reader: WireReader, raw: Span): Promise<number[] | undefined> {
  const length = raw.end - raw.start;
  if (length % 8 !== 0 || length > 8 * MAX_INTEGERS) return undefined;
  const { buffer, byteOffset } = await reader.bytes(raw);
  const view = new DataView(buffer, byteOffset, length);
  return Array.from({ length: length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

/** Reads floats; undefined where there are none, or too many to matter. */
export async function fewFloatsOf(reader: WireReader, runs: readonly Run[]): Promise<number[] | undefined> {
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  if (count === 0 || count > MAX_FEW_FLOATS) return undefined;
  const floats: number[] = [];
  for (const { start, count, stride } of runs) {
    for (let i = 0; i < count; i++) {
      const at = start + i * stride;
      const { buffer, byteOffset } = await reader.bytes({ start: at, end: at + 4 });
      floats.push(new DataView(buffer, byteOffset, 4).getFloat32(0, true));
    }
  }
  return floats;
}

export function addRun(reader: WireReader, runs: Run[], field: Field, what: string): void {
  if (field.type === wireType.bytes) {
    const length = field.end - field.start;
    if (length % 4 !== 0) {
      reader.fail(field.at, `${what} takes ${length} bytes, which is not a multiple of 4`);
    }
    runs.push({ start: field.start, count: length / 4, stride: 4 });
    return;
  }
  if (field.type !== wireType.fixed32)
    reader.fail(field.at, `${what} has the wire type ${field.type}; it must be 2 or 5`);
  // Consecutive floats become one run: an object for each float of a tensor would take too much memory.
  const stride = field.end - field.at;
  const last = runs.at(-1);
  if (last !== undefined && last.start + last.count * last.stride === field.start) {
    runs[runs.length - 1] = { ...last, count: last.count + 1 };
  } else {
    runs.push({ start: field.start, count: 1, stride });
  }
}
