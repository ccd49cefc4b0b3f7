// A WebAssembly binary deflates to a fifth less when its bytes are sorted by kind, since each kind has patterns of its
// own, and when locals are numbered by how lately they were used. A pass over the binary tells the kind of every byte
// from those before it, both to sort bytes and to put them back.

// The kinds of bytes. An object of them would cost bytes in every bundle.
/** Instructions and their small numbers. */
const code = 0;
/** The upper bytes of vector instructions. */
const upper = 1;
/** Locals that are read. */
const read = 2;
/** Locals that are set. */
const set = 3;
/** Offsets in memory. */
const offsets = 4;
/** Other numbers. */
const numbers = 5;
/** Constants of several bytes. */
const constants = 6;
/** The types of blocks. */
const blocks = 7;
/** The functions that are called. */
const calls = 8;
const rest = 9;
export const kindCount = 10;

/** The number of small numbers after branches, indirect calls, globals and the size of memory. */
const smallNumbers: Record<number, number> = {
  12: 1,
  13: 1,
  17: 2,
  35: 1,
  36: 1,
  63: 1,
  64: 1,
};

/**
 * Passes the `size` bytes of a module.
 * @param take gets the kind of the next byte and returns the byte: it sorts bytes, or puts them back. A byte of a local
 *   is sorted as its place in `recent`.
 */
export function eachByte(size: number, take: (kind: number, recent?: Uint8Array) => number): void {
  let at = 0;
  /** The bytes of locals, the one that was used last before the others. */
  let recent: Uint8Array;

  function next(kind: number, recent?: Uint8Array): number {
    at++;
    return take(kind, recent);
  }

  /** Reads a number of any length (LEB128), whose further bytes may be of another kind. */
  function numeral(kind: number, further = kind): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = next(shift > 0 ? further : kind);
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  function local(kind: number): void {
    let byte: number;
    do {
      byte = next(kind, recent);
      recent.copyWithin(1, 0, recent.indexOf(byte));
      recent[0] = byte;
    } while (byte > 127);
  }

  function skip(count: number, kind: number = rest): void {
    for (; count > 0; count--) next(kind);
  }

  /**
   * Reads an instruction and its operands. Operands of unknown instructions count as instructions, which only costs
   * bytes.
   */
  function instruction(): void {
    const operation = next(code);
    if (operation > 0x1f && operation < 0x23) {
      local(operation > 0x20 ? set : read);
      return;
    }
    let isAccess = operation > 0x27 && operation < 0x3f;
    let hasLane = false;
    let small = smallNumbers[operation] ?? 0;
    if (operation === 0xfd) {
      const vector = numeral(code, upper);
      const ofLane = vector > 83 && vector < 92;
      isAccess = vector < 12 || ofLane || vector === 92 || vector === 93;
      hasLane = ofLane || (vector > 20 && vector < 35);
      if (vector === 12 || vector === 13) skip(16, constants); // a constant, a shuffle
    } else if (operation === 0xfc) {
      const bulk = next(code);
      small = bulk === 8 || bulk === 10 ? 2 : Number(bulk > 7);
    } else if (operation === 0x0e) small = numeral(code) + 1;
    else if (operation === 0x41 || operation === 0x42) numeral(numbers);
    else if (operation === 0x10) numeral(calls);
    else if (operation > 1 && operation < 5) numeral(blocks);
    else if (operation === 0x43) skip(4, constants);
    else if (operation === 0x44) skip(8, constants);
    for (; small > 0; small--) numeral(code);
    if (isAccess) {
      numeral(code);
      numeral(offsets);
    }
    if (hasLane) next(code);
  }

  skip(8); // magic, version
  while (at < size) {
    const section = next(rest);
    const length = numeral(rest);
    if (section !== 10) {
      skip(length);
      continue;
    }
    for (let functions = numeral(rest); functions > 0; functions--) {
      const end = numeral(rest) + at;
      recent = new Uint8Array(256).map((_, byte) => byte);
      for (let kinds = numeral(rest); kinds > 0; kinds--) {
        numeral(rest);
        next(rest); // a type of locals
      }
      while (at < end) instruction();
    }
  }
}
