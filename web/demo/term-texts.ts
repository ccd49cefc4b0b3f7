/** The terms of the field, each explained in a sentence or two. */
export const terms = {
  scale:
    "The scale is the step between neighbouring integers, in units of the weights: largest |weight| / (2^(bits−1) − 1).",
  rule: "The rule makes a scale from the range of its weights. “max” divides the largest |weight| by the largest integer.",
  zeroPoints:
    "A zero point is the integer that stands for 0. With it, integers reach from the least to the largest weight, which serves weights that lie more to one side of zero. It takes as many bits more for each scale.",
  channel:
    "A channel is all weights with one index along the channel axis, such as those of one output of a layer. The ranges of channels often differ by a factor of ten or more.",
  tensor: "All weights share one scale. The largest of them makes the steps coarse for all.",
  group:
    "A group is some neighbours along an axis. Groups need more scales, and have smaller steps where the weights are small.",
  rounding:
    "Each number is rounded to the nearest integer, halves to even, and clamped to what the bits can hold: −2^(bits−1) to 2^(bits−1) − 1.",
  dequantized: "The dequantized value is integer × scale. It replaces the weight.",
  sqnr: "Signal-to-quantization-noise ratio: 10 log10(sum of squared weights / sum of squared errors), in dB. 20 dB is an error of a tenth of the signal, 40 dB of a hundredth. Each bit adds about 6 dB.",
  mse: "The mean squared error is the mean of (weight − dequantized)², in squared units of the weights.",
  packed:
    "Integers of fewer than 8 bits can share bytes: packed, eight integers of 4 bits take 4 bytes. In the saved files each takes one byte, or two above 8 bits.",
} as const;
