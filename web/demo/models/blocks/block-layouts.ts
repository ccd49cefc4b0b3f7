// How the bytes of ggml's blocks lie (ggml-common.h and ggml-quants.c of ggml d99724f), as data, so that a picture can
// show which bits of which bytes a weight comes from.

/** What bytes of a block are for. */
export type Use = "scale" | "minimum" | "scales" | "codes" | "high bits";

export interface Field {
  readonly use: Use;
  /** What the bytes hold, in words. */
  readonly holds: string;
  readonly start: number;
  readonly length: number;
}

/** Some bits of a byte, which become bits of a number from `to` on. */
export interface Bits {
  readonly byte: number;
  readonly shift: number;
  readonly bits: number;
  readonly to: number;
}

/** A type of blocks. Its weights are scale * (code - codeOffset), with a minimum that is added or taken off. */
export interface BlockLayout {
  readonly fields: readonly Field[];
  /** The number of weights. */
  readonly length: number;
  /** The number of weights that share a scale: of sub-blocks, or the whole block. */
  readonly shared: number;
  /** The byte at which the float16 d begins. */
  readonly d: number;
  /** The byte of the float16 of the minimum, which is added, or of dmin, which is multiplied with those of sub-blocks. */
  readonly min?: number;
  /** The bits of the code of a weight. */
  code(i: number): readonly Bits[];
  readonly codeOffset: number;
  /** Whether codes are signed bytes. */
  readonly hasSignedCodes?: boolean;
  /** The numbers that codes stand for, where they are places in a table. */
  readonly table?: readonly number[];
  /** The bits of the scale of a sub-block. */
  scale?(j: number): readonly Bits[];
  readonly scaleOffset?: number;
  readonly hasSignedScales?: boolean;
  /** The bits of the minimum of a sub-block. */
  subMin?(j: number): readonly Bits[];
}

const bits = (byte: number, shift: number, count: number, to = 0): Bits => ({ byte, shift, bits: count, to });

const field = (use: Use, start: number, length: number, holds: string): Field => ({ use, holds, start, length });
const d = (start: number) => field("scale", start, 2, "d, the scale of the block, a float16");
const dOfAll = (start: number) => field("scale", start, 2, "d, which all scales are multiplied with, a float16");
const dmin = (start: number) => field("minimum", start, 2, "dmin, which all minima are multiplied with, a float16");
const minimum = (start: number) => field("minimum", start, 2, "the minimum of the block, a float16");
const nibbles = (start: number, length: number) =>
  field("codes", start, length, "codes, or their 4 lower bits, two in each byte");
const pairs = (start: number, length: number) =>
  field("codes", start, length, "codes, or their 2 lower bits, four in each byte");
const packed = (start: number, holds: string) => field("scales", start, 12, holds);

/** Byte j has the code of weight j below and that of weight j + 16 above. */
const nibbleOf32 = (start: number) => (i: number) => [bits(start + (i % 16), i < 16 ? 0 : 4, 4)];
const fifthOf32 = (start: number, i: number) => bits(start + (i >> 3), i % 8, 1, 4);
const nibbleOf64 = (start: number, i: number) => bits(start + (i >> 6) * 32 + (i % 32), ((i % 64) >> 5) * 4, 4);
const pairOf128 = (start: number, i: number, to = 0) =>
  bits(start + (i >> 7) * 32 + (i % 32), ((i % 128) >> 5) * 2, 2, to);
const bitOf256 = (start: number, i: number, to: number) => bits(start + (i % 32), i >> 5, 1, to);

/** The scales and minima of 6 bits of Q4_K and Q5_K. */
const sixBitScale = (start: number) => (j: number) =>
  j < 4 ? [bits(start + j, 0, 6)] : [bits(start + j + 4, 0, 4), bits(start + j - 4, 6, 2, 4)];
const sixBitMin = (start: number) => (j: number) =>
  j < 4 ? [bits(start + j + 4, 0, 6)] : [bits(start + j + 4, 4, 4), bits(start + j, 6, 2, 4)];
const SIX_BITS = "8 scales and 8 minima of 6 bits: the last four of each are spread over three bytes";

const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

export const blockLayouts: Readonly<Record<string, BlockLayout>> = {
  Q4_0: {
    ...{ fields: [d(0), nibbles(2, 16)], length: 32, shared: 32, d: 0, codeOffset: 8 },
    code: nibbleOf32(2),
  },
  Q4_1: {
    ...{ fields: [d(0), minimum(2), nibbles(4, 16)], length: 32, shared: 32, d: 0, min: 2, codeOffset: 0 },
    code: nibbleOf32(4),
  },
  Q5_0: {
    fields: [d(0), field("high bits", 2, 4, "the fifth bit of each code"), nibbles(6, 16)],
    ...{ length: 32, shared: 32, d: 0, codeOffset: 16 },
    code: (i) => [...nibbleOf32(6)(i), fifthOf32(2, i)],
  },
  Q5_1: {
    fields: [d(0), minimum(2), field("high bits", 4, 4, "the fifth bit of each code"), nibbles(8, 16)],
    ...{ length: 32, shared: 32, d: 0, min: 2, codeOffset: 0 },
    code: (i) => [...nibbleOf32(8)(i), fifthOf32(4, i)],
  },
  Q8_0: {
    fields: [d(0), field("codes", 2, 32, "codes, signed, one in each byte")],
    ...{ length: 32, shared: 32, d: 0, codeOffset: 0, hasSignedCodes: true },
    code: (i) => [bits(2 + i, 0, 8)],
  },
  IQ4_NL: {
    ...{ fields: [d(0), nibbles(2, 16)], length: 32, shared: 32, d: 0, codeOffset: 0, table: NON_LINEAR },
    code: nibbleOf32(2),
  },
  Q2_K: {
    fields: [
      field("scales", 0, 16, "for each 16 weights a scale (lower 4 bits) and a minimum (upper 4 bits)"),
      pairs(16, 64),
      dOfAll(80),
      dmin(82),
    ],
    ...{ length: 256, shared: 16, d: 80, min: 82, codeOffset: 0 },
    code: (i) => [pairOf128(16, i)],
    scale: (j) => [bits(j, 0, 4)],
    subMin: (j) => [bits(j, 4, 4)],
  },
  Q3_K: {
    fields: [
      field("high bits", 0, 32, "the third bit of each code"),
      pairs(32, 64),
      packed(96, "16 scales of 6 bits: 4 lower bits in the first 8 bytes, 2 upper bits in the other 4"),
      dOfAll(108),
    ],
    ...{ length: 256, shared: 16, d: 108, codeOffset: 4, scaleOffset: 32 },
    code: (i) => [pairOf128(32, i), bitOf256(0, i, 2)],
    scale: (j) => [bits(96 + (j % 8), j < 8 ? 0 : 4, 4), bits(104 + (j % 4), 2 * (j >> 2), 2, 4)],
  },
  Q4_K: {
    ...{ fields: [dOfAll(0), dmin(2), packed(4, SIX_BITS), nibbles(16, 128)], length: 256, shared: 32 },
    ...{ d: 0, min: 2, codeOffset: 0 },
    code: (i) => [nibbleOf64(16, i)],
    scale: sixBitScale(4),
    subMin: sixBitMin(4),
  },
  Q5_K: {
    fields: [
      ...[dOfAll(0), dmin(2), packed(4, SIX_BITS)],
      field("high bits", 16, 32, "the fifth bit of each code"),
      nibbles(48, 128),
    ],
    ...{ length: 256, shared: 32, d: 0, min: 2, codeOffset: 0 },
    code: (i) => [nibbleOf64(48, i), bitOf256(16, i, 4)],
    scale: sixBitScale(4),
    subMin: sixBitMin(4),
  },
  Q6_K: {
    fields: [
      nibbles(0, 128),
      field("high bits", 128, 64, "the 2 upper bits of each code, four in each byte"),
      field("scales", 192, 16, "a scale for each 16 weights, a signed byte"),
      dOfAll(208),
    ],
    ...{ length: 256, shared: 16, d: 208, codeOffset: 32, hasSignedScales: true },
    code: (i) => [bits((i >> 7) * 64 + (i % 64), ((i % 128) >> 6) * 4, 4), pairOf128(128, i, 4)],
    scale: (j) => [bits(192 + j, 0, 8)],
  },
};
