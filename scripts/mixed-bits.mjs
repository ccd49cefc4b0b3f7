// npm run mixed-bits: what a choice of bits for each tensor gains over the same bits for all, in as many bytes, on real
// weights, as a table for docs/models.md.

import { build } from "./bench/library.mjs";
import { readOcrModels } from "./ocr/packages.mjs";

build();
// The library is there only by now.
const { matricesOf } = await import("./matrices.mjs");
const { measuredMixes } = await import("./mixes.mjs");

/** @type {import("./matrices.mjs").Way[]} */
const ways = [2, 3, 4, 5, 6, 8].flatMap((bits) =>
  [32, 128, undefined].map((group) => ({ bits, group, scales: /** @type {const} */ ("search") })),
);
const uniform = ways.findIndex(({ bits, group }) => bits === 4 && group === 32);

/** The mean of tensors that all have the same way, and that of the best mix in as many bytes. */
async function meansOf(/** @type {import("./matrices.mjs").Matrix[]} */ matrices) {
  const { mixes, measured } = await measuredMixes(matrices, ways);
  const weights = matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const bitsPerWeight = (8 * measured[uniform].reduce((sum, { bytesAfter }) => sum + bytesAfter, 0)) / weights;
  const loss = measured[uniform].reduce((sum, { sqnr }) => sum + 10 ** (-sqnr / 10), 0) / matrices.length;
  return { bitsPerWeight, same: -10 * Math.log10(loss), mix: mixes.within({ bitsPerWeight }) };
}

const ocr = await readOcrModels();
console.log("| model | bits a weight | 4 bits, groups of 32 | mixed | gain |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const name of /** @type {const} */ (["rec", "det", "cls"])) {
  const { bitsPerWeight, same, mix } = await meansOf(await matricesOf(ocr[name]));
  const decibels = [same, mix.sqnr, mix.sqnr - same].map((value) => `${value.toFixed(2)} dB`);
  console.log(`| OCR ${name} | ${bitsPerWeight.toFixed(2)} | ${decibels.join(" | ")} |`);
}
