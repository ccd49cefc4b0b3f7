// A WebAssembly binary deflates to a sixth less when its bytes are sorted by kind, since each kind has patterns of its
// own. A pass over the binary tells the kind of every byte from those before it, both to sort bytes and to put them
// back.

/** The kinds of bytes: instructions and their small numbers, locals, other numbers and places, and the rest. */
export const byteKinds = { code: 0, locals: 1, numbers: 2, rest: 3 } as const;
export type ByteKind = (typeof byteKinds)[keyof typeof byteKinds];

const { code, locals, numbers, rest } = byteKinds;

/** The number of small numbers after blocks, branches, calls, globals and the size of memory. */
const smallNumbers: Record<number, number> = {
  2: 1,
  3: 1,
  4: 1,
  12: 1,
  13: 1,
  16: 1,
  17: 2,
  35: 1,
  36: 1,
  63: 1,
  64: 1,
};

/**
 * Passes the `size` bytes of a module.
 * @param take gets the kind of the next byte and returns the byte: it sorts bytes, or puts them back
 */
export function eachByte(size: number, take: (kind: ByteKind) => number): void {
  let at = 0;

  function next(kind: ByteKind): number {
    at++;
    return take(kind);
  }

  /** Reads a number of any length (LEB128). */
  function numeral(kind: ByteKind): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = next(kind);
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  function skip(count: number): void {
    for (; count > 0; count--) next(rest);
  }

  /**
   * Reads an instruction and its operands. Operands of unknown instructions count as instructions, which only costs
   * bytes.
   */
  function instruction(): void {
    const operation = next(code);
    if (operation > 0x1f && operation < 0x23) {
      numeral(locals);
      return;
    }
    let isAccess = operation > 0x27 && operation < 0x3f;
    let hasLane = false;
    let small = smallNumbers[operation] ?? 0;
    if (operation === 0xfd) {
      const vector = numeral(code);
      const ofLane = vector > 83 && vector < 92;
      isAccess = vector < 12 || ofLane || vector === 92 || vector === 93;
      hasLane = ofLane || (vector > 20 && vector < 35);
      if (vector === 12 || vector === 13) skip(16); // a constant, a shuffle
    } else if (operation === 0xfc) {
      const bulk = next(code);
      small = bulk === 8 || bulk === 10 ? 2 : Number(bulk > 7);
    } else if (operation === 0x0e) small = numeral(code) + 1;
    else if (operation === 0x41 || operation === 0x42) numeral(numbers);
    else if (operation === 0x43) skip(4);
    else if (operation === 0x44) skip(8);
    for (; small > 0; small--) numeral(code);
    if (isAccess) {
      numeral(code);
      numeral(numbers);
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
      for (let kinds = numeral(rest); kinds > 0; kinds--) {
        numeral(rest);
        next(rest); // a type of locals
      }
      while (at < end) instruction();
    }
  }
}
