// The tasks of the models: from pictures to inputs, and from outputs to figures that a person can judge.

import { lines, turned } from "./pictures.mjs";

/** @typedef {import("./pictures.mjs").Image} Image */

/**
 * The input of a model, float32.
 * @typedef {{ values: Float32Array<ArrayBuffer>, shape: number[] }} Input
 */

/**
 * @typedef {object} Task
 * @property {(pictures: import("./pictures.mjs").Pictures) => Input[]} inputs
 * @property {(outputs: Float32Array[], expected: Float32Array[], characters: string[]) => Record<string, number>} judge
 *   figures of a model's outputs, of which some compare them with those of the float32 model
 */

/** @type {Record<import("./packages.mjs").ModelName, Task>} */
export const tasks = {
  rec: {
    inputs: (pictures) => pictures.lines.map((image) => tensorOf(image, lineChannels)),
    judge(outputs, _, characters) {
      const texts = outputs.map((output) => textOf(output, characters));
      return { characterErrorRate: characterErrorRate(texts, lines) };
    },
  },
  det: {
    inputs: ({ page }) => [tensorOf(page, pageChannels)],
    judge: ([map], [expected]) => ({ ...likeness(expected, map), overlap: maskOverlap(expected, map) }),
  },
  cls: {
    inputs: (pictures) =>
      pictures.lines
        .flatMap((image) => [image, turned(image)])
        .map((image) => tensorOf(cropped(image, 192), lineChannels)),
    judge(outputs, expected) {
      const agreed = outputs.filter(([upright, down], i) => upright > down === expected[i][0] > expected[i][1]);
      return { ...likeness(joined(expected), joined(outputs)), agreement: agreed.length / outputs.length };
    },
  },
};

/** Blue, green, red from -1 to 1, for the models of lines. */
const lineChannels = [2, 1, 0].map((byte) => ({ byte, mean: 0.5, deviation: 0.5 }));

/** Red, green, blue with ImageNet's means and deviations, for the model of pages. */
const pageChannels = [
  { byte: 0, mean: 0.485, deviation: 0.229 },
  { byte: 1, mean: 0.456, deviation: 0.224 },
  { byte: 2, mean: 0.406, deviation: 0.225 },
];

/**
 * A picture as a tensor [1, 3, height, width] of (channel / 255 - mean) / deviation.
 * @param {Image} image
 * @param {readonly { byte: number, mean: number, deviation: number }[]} channels which byte of a pixel each is
 */
function tensorOf({ width, height, rgba }, channels) {
  const size = width * height;
  const values = new Float32Array(3 * size);
  channels.forEach(({ byte, mean, deviation }, c) => {
    for (let i = 0; i < size; i++) values[c * size + i] = (rgba[4 * i + byte] / 255 - mean) / deviation;
  });
  return { values, shape: [1, 3, height, width] };
}

/**
 * The middle of a picture.
 * @param {Image} image
 * @param {number} width
 * @returns {Image}
 */
function cropped({ width: whole, height, rgba }, width) {
  const pixels = new Uint8Array(4 * width * height);
  const left = Math.floor((whole - width) / 2);
  for (let y = 0; y < height; y++) {
    const start = 4 * (y * whole + left);
    pixels.set(rgba.subarray(start, start + 4 * width), 4 * y * width);
  }
  return { width, height, rgba: pixels };
}

/**
 * The text of a line: the likeliest class at each step, with repetitions joined; class 0 stands for no character (CTC).
 * @param {Float32Array} probabilities [steps, classes]
 * @param {string[]} characters of the classes from 1 on
 */
function textOf(probabilities, characters) {
  const classes = characters.length + 1;
  let text = "";
  let before = 0;
  for (let at = 0; at < probabilities.length; at += classes) {
    const step = probabilities.subarray(at, at + classes);
    const likeliest = step.reduce((best, probability, i) => (probability > step[best] ? i : best), 0);
    if (likeliest !== before && likeliest !== 0) text += characters[likeliest - 1];
    before = likeliest;
  }
  return text;
}

/**
 * The number of insertions, deletions and substitutions from the text that was read to the text that was written,
 * divided by the length of the latter.
 * @param {string[]} read
 * @param {readonly string[]} written
 */
function characterErrorRate(read, written) {
  const errors = read.reduce((sum, text, i) => sum + editDistance(text, written[i]), 0);
  return errors / written.join("").length;
}

/**
 * @param {string} a
 * @param {string} b
 */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

/**
 * The cosine of the angle between two outputs, and the power of the first over that of their difference in dB.
 * @param {Float32Array} expected
 * @param {Float32Array} actual
 */
function likeness(expected, actual) {
  let [product, expectedSquares, actualSquares, errorSquares] = [0, 0, 0, 0];
  expected.forEach((value, i) => {
    product += value * actual[i];
    expectedSquares += value ** 2;
    actualSquares += actual[i] ** 2;
    errorSquares += (value - actual[i]) ** 2;
  });
  return {
    cosine: product / Math.sqrt(expectedSquares * actualSquares),
    sqnr: 10 * Math.log10(expectedSquares / errorSquares),
  };
}

/**
 * The share of the pixels that either marks as text (a probability above 0.3) and that both do.
 * @param {Float32Array} expected
 * @param {Float32Array} actual
 */
function maskOverlap(expected, actual) {
  let [both, either] = [0, 0];
  expected.forEach((value, i) => {
    both += Number(value > 0.3 && actual[i] > 0.3);
    either += Number(value > 0.3 || actual[i] > 0.3);
  });
  return both / either;
}

/** @param {Float32Array[]} outputs */
function joined(outputs) {
  return Float32Array.from(outputs.flatMap((output) => [...output]));
}
