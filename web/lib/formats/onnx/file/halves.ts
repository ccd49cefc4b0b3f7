import { type Field, type Span, type WireReader, wireType } from "./wire.js";

// Reads float16 in int32_data, as onnx.helper.make_tensor writes them. The bits of each value are a varint of 1 to 3
// bytes, so finding one takes all those before it. All are read once, and the places of some are remembered.

/** Consecutive varints. */
interface VarintRun extends Span {
  /** Whether each value is a field of its own, after a tag. */
  readonly tagged: boolean;
}

/** A remembered place, at which a value begins. */
interface Mark {
  readonly run: VarintRun;
  readonly at: number;
  /** The index of that value in the tensor. */
  readonly index: number;
}

/** The places of the float16 in a tensor's int32_data. */
export interface Halves {
  readonly count: number;
  readonly marks: readonly Mark[];
}

/** The number of values between two marks, and the most that a read steps over before it begins. */
const VALUES_OF_A_MARK = 2 ** 14;

const WINDOW_BYTES = 2 ** 16;

/** A tag and a varint of 64 bits, which negative numbers take. */
const MAX_VALUE_BYTES = 2 + 10;

/**
 * Reads all values once.
 *
 * @param tensor the name for messages
 * @throws {FormatError} for values that are not the bits of a float16
 */
export async function findHalves(reader: WireReader, fields: readonly Field[], tensor: string): Promise<Halves> {
  const marks: Mark[] = [];
  let count = 0;
  for (const run of runsOf(fields)) {
    await walk(reader, run, run.start, (value, at) => {
      if (value > 0xffff) {
        reader.fail(
          at,
          `int32_data of ${tensor} has ${value}, which is not the bits of a float16: export the model again`,
        );
      }
      if (count % VALUES_OF_A_MARK === 0 || at === run.start) marks.push({ run, at, index: count });
      count++;
      return true;
    });
  }
  return { count, marks };
}

/** The bits of `count` values from `start` on, little-endian. */
export async function readHalves(
  reader: WireReader,
  { marks }: Halves,
  start: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const halves = new Uint16Array(count);
  const end = start + count;
  for (let i = firstMark(marks, start); i < marks.length && marks[i].index < end; i++) {
    const { run, at } = marks[i];
    const last = Math.min(end, marks[i + 1]?.index ?? end) - 1;
    let { index } = marks[i];
    await walk(reader, run, at, (value) => {
      if (index >= start) halves[index - start] = value;
      return index++ < last;
    });
  }
  return new Uint8Array(halves.buffer);
}

/** The last mark at or before a value. */
function firstMark(marks: readonly Mark[], index: number): number {
  let [low, high] = [0, marks.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (marks[middle].index <= index) low = middle;
    else high = middle;
  }
  return low;
}

function runsOf(fields: readonly Field[]): VarintRun[] {
  const runs: VarintRun[] = [];
  for (const { type, at, start, end } of fields) {
    const last = runs.at(-1);
    if (type === wireType.bytes) runs.push({ start, end, tagged: false });
    else if (last?.tagged && last.end === at) runs[runs.length - 1] = { ...last, end };
    else runs.push({ start: at, end, tagged: true });
  }
  return runs;
}

/** @param visit is called with each value and its place until it returns false */
async function walk(
  { source, fail }: WireReader,
  { end, tagged }: VarintRun,
  from: number,
  visit: (value: number, at: number) => boolean,
): Promise<void> {
  let bytes = new Uint8Array();
  let first = from; // the place of the window
  let place = from;
  const varint = () => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      if (place === end || unit > 2 ** 63) fail(place, "a number of int32_data has no end: export the model again");
      const byte = bytes[place++ - first];
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  };
  while (place < end) {
    if (place + MAX_VALUE_BYTES > first + bytes.length && first + bytes.length < end) {
      bytes = await source.read(place, Math.min(WINDOW_BYTES, end - place));
      first = place;
    }
    const at = place;
    if (tagged) varint();
    if (!visit(varint(), at)) return;
  }
}
