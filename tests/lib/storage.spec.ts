import { load } from "channelwise";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fields } from "../../dist/storage/fields.js";
import { integers } from "../../dist/storage/integers.js";
import { codeWriter, placeOf, type Storage } from "../../dist/storage/storage.js";
import { words } from "../../dist/storage/words.js";
import { runnerOf } from "../../dist/workers/runner-of.js";
import { expectSameBits } from "./same-bits.js";

const { engine } = runnerOf(await load());

/** A storage for some number of codes, the codes of its first bytes, and these bytes. */
interface Row {
  readonly storage: (count: number, columns: number) => Storage;
  readonly bits: number;
  /** Whether each field is code + 2^(bits - 1). */
  readonly offset: boolean;
  /** The number of bits that rows are aligned to; 0 where rows do not matter. */
  readonly rowUnit: number;
  readonly codes: readonly number[];
  readonly bytes: readonly number[];
}

const rows: Record<string, Row> = {
  int8: {
    ...{ storage: () => integers(8), bits: 8, offset: false, rowUnit: 0 },
    ...{ codes: [1, -1, -128], bytes: [1, 0xff, 0x80] },
  },
  uint8: {
    ...{ storage: () => integers(8, true), bits: 8, offset: true, rowUnit: 0 },
    ...{ codes: [1, -1, -128], bytes: [0x81, 0x7f, 0] },
  },
  int16: {
    ...{ storage: () => integers(16), bits: 16, offset: false, rowUnit: 0 },
    ...{ codes: [1, -2], bytes: [1, 0, 0xfe, 0xff] },
  },
  uint16: {
    ...{ storage: () => integers(16, true), bits: 16, offset: true, rowUnit: 0 },
    ...{ codes: [1, -2], bytes: [1, 0x80, 0xfe, 0x7f] },
  },
  "fields of 2 bits": {
    ...{ storage: (count) => fields({ bits: 2, offset: false }, count), bits: 2, offset: false, rowUnit: 0 },
    ...{ codes: [1, -2, -1, 0, 1], bytes: [0b00_11_10_01, 1] },
  },
  "fields of 3 bits": {
    ...{ storage: (count) => fields({ bits: 3, offset: false }, count), bits: 3, offset: false, rowUnit: 0 },
    ...{ codes: [1, 2, -1], bytes: [0b11_010_001, 1] },
  },
  nibbles: {
    ...{ storage: (count) => fields({ bits: 4, offset: false }, count), bits: 4, offset: false, rowUnit: 0 },
    ...{ codes: [1, -1, 7], bytes: [0xf1, 0x07] },
  },
  "nibbles with 8 added": {
    ...{ storage: (count) => fields({ bits: 4, offset: true }, count), bits: 4, offset: true, rowUnit: 0 },
    ...{ codes: [1, -1, 7], bytes: [0x79, 0x0f] },
  },
  "fields of 7 bits": {
    ...{ storage: (count) => fields({ bits: 7, offset: false }, count), bits: 7, offset: false, rowUnit: 0 },
    ...{ codes: [-64, 63], bytes: [0b1_1000000, 0b00_011111] },
  },
  "words of 4 bits": {
    ...{ storage: (_, columns) => words(4, columns), bits: 4, offset: true, rowUnit: 32 },
    ...{ codes: [1, -1, 7], bytes: [0x79, 0x0f, 0, 0] },
  },
  "words of 8 bits": {
    ...{ storage: (_, columns) => words(8, columns), bits: 8, offset: true, rowUnit: 32 },
    ...{ codes: [1, -1, 7], bytes: [0x81, 0x7f, 0x87, 0] },
  },
};

const typed = (bits: number, codes: readonly number[]) => (bits > 8 ? Int16Array.from(codes) : Int8Array.from(codes));

/** The bytes of codes, bit by bit. */
function bytesOf({ bits, offset, rowUnit }: Row, codes: readonly number[], columns: number): Uint8Array {
  const rowBits = rowUnit === 0 ? columns * bits : Math.ceil((columns * bits) / rowUnit) * rowUnit;
  const size = rowUnit === 0 ? codes.length * bits : (codes.length / columns) * rowBits;
  const bytes = new Uint8Array(Math.ceil(size / 8));
  codes.forEach((code, i) => {
    const field = offset ? code + 2 ** (bits - 1) : code;
    for (let b = 0; b < bits; b++) {
      const bit = Math.floor(i / columns) * rowBits + (i % columns) * bits + b;
      bytes[bit >> 3] |= ((field >> b) & 1) << (bit & 7);
    }
  });
  return bytes;
}

const matrices = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.integer({ min: 1, max: 70 }),
  seed: fc.nat(),
});
const codesOf = (bits: number, count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => ((((i + 1) * 2654435761 + seed) >>> 7) % 2 ** bits) - 2 ** (bits - 1));

describe.each(Object.entries(rows))("%s", (_, row) => {
  const { bits } = row;

  it("has these bytes", () => {
    const storage = row.storage(row.codes.length, row.codes.length);
    expect([...storage.pack(engine, 0, typed(bits, row.codes))]).toEqual(row.bytes);
    expect(storage.bitOf(row.codes.length)).toBe(8 * row.bytes.length);
    expect([...storage.unpack(engine, 0, row.codes.length, Uint8Array.from(row.bytes))]).toEqual(row.codes);
  });

  it("stores codes that come in any stretches, in any order", async () => {
    const property = fc.asyncProperty(
      matrices,
      fc.array(fc.nat({ max: 630 })),
      fc.boolean(),
      async ({ rows, columns, seed }, cuts, reversed) => {
        const codes = codesOf(bits, rows * columns, seed);
        const written: (number | undefined)[] = [];
        const write = codeWriter(engine, row.storage(codes.length, columns), async (place, bytes) => {
          bytes.forEach((byte, i) => {
            expect(written[place + i]).toBe(undefined); // each one once
            written[place + i] = byte;
          });
        });
        const inner = [...new Set(cuts)].filter((cut) => cut > 0 && cut < codes.length).sort((a, b) => a - b);
        const edges = [0, ...inner, codes.length];
        const stretches = edges.slice(1).map((end, i) => [edges[i], end]);
        for (const [start, end] of reversed ? stretches.reverse() : stretches) {
          await write(start, typed(bits, codes.slice(start, end)));
        }
        expect(written).toEqual([...bytesOf(row, codes, columns)]);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it("gives codes from any place on", () => {
    const property = fc.property(matrices, fc.nat(), fc.nat(), ({ rows, columns, seed }, from, length) => {
      const codes = codesOf(bits, rows * columns, seed);
      const storage = row.storage(codes.length, columns);
      const start = from % codes.length;
      const count = length % (codes.length - start + 1);
      const place = placeOf(storage, start, count);
      const bytes = bytesOf(row, codes, columns).slice(place.first, place.first + place.length);
      expect([...storage.unpack(engine, start, count, bytes)]).toEqual(codes.slice(start, start + count));
    });
    fc.assert(property, { numRuns: 100 });
  });
});

it("more codes than are staged at a time", () => {
  const count = 2 ** 19 + 77;
  const codes = codesOf(4, count, 1);
  const storage = fields({ bits: 4, offset: false }, count);
  const bytes = storage.pack(engine, 0, Int8Array.from(codes));
  expectSameBits(bytes, bytesOf(rows.nibbles, codes, count), "bytes");
  const back = storage.unpack(engine, 1, count - 1, bytes) as Int8Array;
  expectSameBits(back, Int8Array.from(codes.slice(1)), "codes");
});
