import { type Packing, packCodes, unpackCodes } from "../core/memory/packing.js";
import { placeOf, type Storage } from "./storage.js";

/** All codes side by side, without regard to rows, as in ONNX's types of 4 bits (low nibble first) and 2 bits. */
export function fields(packing: Packing, count: number): Storage {
  return rowsOfFields(packing, count, 8 * Math.ceil((count * packing.bits) / 8));
}

/** The codes of each row side by side. Each row begins a new byte. */
export function bytesOfRows(packing: Packing, columns: number): Storage {
  return rowsOfFields(packing, columns, 8 * Math.ceil((columns * packing.bits) / 8));
}

/** The codes of each row side by side. A row takes `rowBits`, and is padded with zeros. */
export function rowsOfFields(packing: Packing, columns: number, rowBits: number): Storage {
  const { bits } = packing;
  const isFilled = columns * bits === rowBits;
  const bitOf = (code: number) => Math.floor(code / columns) * rowBits + (code % columns) * bits;
  /** Passes codes in stretches that lie side by side: `at` is counted from `start`, `bit` from the first byte. */
  const eachStretch = (start: number, count: number, use: (at: number, end: number, bit: number) => void) => {
    const before = 8 * Math.floor(bitOf(start) / 8);
    for (let at = 0; at < count; ) {
      const end = isFilled ? count : Math.min(count, at + columns - ((start + at) % columns));
      use(at, end, bitOf(start + at) - before);
      at = end;
    }
  };
  const storage: Storage = {
    bitOf,
    pack(engine, start, codes) {
      const bytes = new Uint8Array(placeOf(storage, start, codes.length).length);
      eachStretch(start, codes.length, (at, end, bit) =>
        packCodes(engine, packing, codes.subarray(at, end) as Int8Array, bytes, bit),
      );
      return bytes;
    },
    unpack(engine, start, count, bytes) {
      const codes = new Int8Array(count);
      eachStretch(start, count, (at, end, bit) => unpackCodes(engine, packing, bytes, bit, codes.subarray(at, end)));
      return codes;
    },
  };
  return storage;
}
