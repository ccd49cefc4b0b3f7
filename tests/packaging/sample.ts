const codes = [
  [127, 0, 2, 2, 0, -2, -2, -127],
  [127, 104, -104, 0, 0, 0, 0, 0],
];
const scales = [1, Math.fround(Math.fround(2.0521684) / 127)];

/** What consumer/quantize.js must give: codes from the definition of the rule, the rest by its formula. */
export const sample = {
  quantized: codes.flat(),
  scales,
  // Adding 0 makes +0 of -0.
  dequantized: codes.flatMap((row, channel) => row.map((code) => Math.fround(code * scales[channel]) + 0)),
};
