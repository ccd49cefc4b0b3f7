/**
 * What a loss of the weights did to the answers of three models of PP-OCR, all weights quantized, as `npm run ocr` in the
 * repository gives it: the least loss first.
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

/** What counts as an answer, and how many the float model gives. */
export const models = {
  orientation: "Orientation: lines of text told the right way up as with floats",
  detection: "Detection: overlap with what is marked with floats",
  recognition: "Recognition: characters read right (97.2 % with floats)",
} as const;

/** In dB: the most that all three stood, the most that one stood, and what cost two of them many answers. */
export const bounds = { all: 38.46, one: 30.96, none: 20.45 } as const;
