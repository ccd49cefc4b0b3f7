import fc from "fast-check";
import { expect, it } from "vitest";
import { CodePacker, unpackCodes, wordsOf } from "../../../dist/storage/words.js";

/** Codes as bits, one after the other, each row from a new word on. */
function packedBits(codes: Int8Array, columns: number, bits: number): Uint32Array {
  const perRow = Math.ceil((columns * bits) / 32);
  const words = new Uint32Array(perRow * (codes.length / columns));
  codes.forEach((code, i) => {
    const bit = (i % columns) * bits;
    words[Math.floor(i / columns) * perRow + (bit >> 5)] |= (code + 2 ** (bits - 1)) << (bit & 31);
  });
  return words;
}

const matrices = fc.record({
  bits: fc.constantFrom(4, 8) as fc.Arbitrary<4 | 8>,
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(),
});
const codesOf = (bits: number, count: number, seed: number) =>
  Int8Array.from({ length: count }, (_, i) => ((((i + 1) * 2654435761 + seed) >>> 7) % 2 ** bits) - 2 ** (bits - 1));

it("codes that come in any stretches are packed to the same words", () => {
  fc.assert(
    fc.property(matrices, fc.array(fc.nat({ max: 360 })), ({ bits, rows, columns, seed }, cuts) => {
      const codes = codesOf(bits, rows * columns, seed);
      const packer = new CodePacker(columns, bits);
      const edges = [0, ...cuts.filter((cut) => cut < codes.length).sort((a, b) => a - b), codes.length];
      // Their memory may be taken, and no more than theirs; they begin anywhere.
      const words = edges.slice(1).flatMap((end, i) => {
        const some = codes.slice(edges[i], end);
        const memory = new Int8Array(some.length + 7).fill(99);
        memory.set(some, seed % 4);
        const packed = [...packer.pack(memory.subarray(seed % 4, (seed % 4) + some.length))];
        expect([...memory.subarray(0, seed % 4), ...memory.subarray((seed % 4) + some.length)]).toEqual(
          Array(7).fill(99),
        );
        return packed;
      });
      expect(Uint32Array.from(words)).toEqual(packedBits(codes, columns, bits));
    }),
    { numRuns: 500 },
  );
});

it("codes from any place on are unpacked from the words that hold them", () => {
  fc.assert(
    fc.property(matrices, fc.nat(), fc.nat(), ({ bits, rows, columns, seed }, from, length) => {
      const codes = codesOf(bits, rows * columns, seed);
      const words = packedBits(codes, columns, bits);
      const start = from % codes.length;
      const count = length % (codes.length - start + 1);
      const { first, count: wordCount } = wordsOf(start, count, columns, bits);
      const some = words.slice(first, first + wordCount);
      expect(unpackCodes(some, start, count, columns, bits)).toEqual(codes.slice(start, start + count));
    }),
    { numRuns: 500 },
  );
});
