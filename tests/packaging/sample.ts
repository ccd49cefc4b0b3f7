const codes = [
  [127, 0, 2, 2, 0, -2, -2, -127],
  [127, 104, -104, 0, 0, 0, 0, 0],
];
const scales = [1, Math.fround(Math.fround(2.0521684) / 127)];

/**
 * The result that consumer/quantize.js must give: codes by the definition of the rule, everything else by its formula.
 */
export const sample = {
  quantized: codes.flat(),
  scales,
  // Adding 0 turns -0 into +0.
  dequantized: codes.flatMap((row, channel) => row.map((code) => Math.fround(code * scales[channel]) + 0)),
};
