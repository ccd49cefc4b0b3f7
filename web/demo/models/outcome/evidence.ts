/**
 * The share of answers that three models of PP-OCR kept with all weights quantized, the least loss first. `npm run ocr`
 * in the repository measures it.
 */
export const evidence = [
  { model: "orientation", way: "8 bits per channel", sqnr: 44.3, kept: 1 },
  { model: "orientation", way: "8 bits per tensor", sqnr: 40, kept: 1 },
  { model: "detection", way: "8 bits per channel", sqnr: 38.7, kept: 0.989 },
  { model: "recognition", way: "8 bits per channel", sqnr: 38.46, kept: 0.975 },
  { model: "recognition", way: "8 bits, MatMul 4 bits in groups", sqnr: 30.96, kept: 0.975 },
  { model: "detection", way: "8 bits per tensor", sqnr: 21.21, kept: 0.957 },
  { model: "orientation", way: "4 bits in groups of 32", sqnr: 20.45, kept: 0.71 },
  { model: "recognition", way: "8 bits per tensor", sqnr: 20.19, kept: 0 },
  { model: "detection", way: "4 bits in groups of 32", sqnr: 18.54, kept: 0.758 },
  { model: "recognition", way: "4 bits per channel", sqnr: 15.06, kept: 0 },
] as const;

/** The meaning of an answer for each model. */
export const models = {
  orientation: "Orientation counts lines turned the same way as with floats",
  detection: "Detection compares the marked areas with those of floats",
  recognition: "Recognition counts characters read right (97.2 % with floats)",
} as const;

/** Bounds in dB: all three models stood the first, one the second, and the last cost two of them many answers. */
export const bounds = { all: 38.46, one: 30.96, none: 20.45 } as const;
