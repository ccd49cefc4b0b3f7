// npm run mixed-bits: what a choice of bits for each tensor gains over the same bits for all, in as many bytes, on real
// weights, as a table for docs/models.md. All numbers of bits count as packed: no file format holds them all.

import { build } from "./bench/command-line.mjs";
import { readOcrModels } from "./ocr/packages.mjs";

build();
// The library is there only by now.
const { mixesOf, openModel, planModel } = await import("channelwise/models");
const { matricesOf, sqnrOf } = await import("./matrices.mjs");

/** @typedef {import("./matrices.mjs").Matrix} Matrix */
/** @typedef {{ bits: number, group: number | undefined }} Way a scale for a group, or for a row */

/** @type {Way[]} */
const ways = [2, 3, 4, 5, 6, 8].flatMap((bits) => [32, 128, undefined].map((group) => ({ bits, group })));
const uniform = ways.findIndex(({ bits, group }) => bits === 4 && group === 32);

/** The bytes of a matrix: packed codes, and scales of float16 for groups and float32 for rows. */
function bytesOf(/** @type {Matrix} */ { rows, columns }, /** @type {Way} */ { bits, group }) {
  const scales = group === undefined ? 4 * rows : 2 * rows * Math.ceil(columns / group);
  return Math.ceil((rows * columns * bits) / 8) + scales;
}

/**
 * The matrices as a model, whose plans stand for the tensors.
 * @param {Matrix[]} matrices
 */
async function modelOf(matrices) {
  let offset = 0;
  const entries = matrices.map(({ rows, columns, weights: { byteLength } }, i) => {
    const data_offsets = [offset, offset + byteLength];
    offset += byteLength;
    return [`layer.${i}.weight`, { dtype: "F32", shape: [rows, columns], data_offsets }];
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(header.length), true);
  const parts = matrices.map(({ weights }) => /** @type {Float32Array<ArrayBuffer>} */ (weights));
  return openModel(new Blob([size, header, ...parts]), { name: "matrices.safetensors" });
}

/** The mean of tensors that all have the same way, and that of the best mix in as many bytes. */
async function meansOf(/** @type {Matrix[]} */ matrices) {
  const model = await modelOf(matrices);
  const rules = { minimumSize: 0 };
  const plans = ways.map(({ bits }) => planModel(model, { ...rules, bits }));
  const measured = ways.map((way, w) =>
    matrices.map((matrix, i) => {
      const decision = plans[w].decisions[i];
      if (!decision.quantize) throw new Error(`${decision.tensor} is kept: ${decision.reason}`);
      const sqnr = sqnrOf(matrix, way.group, { bits: way.bits, scales: "search" });
      return { ...decision, bytesAfter: bytesOf(matrix, way), mse: 0, maxError: 0, sqnr };
    }),
  );
  const settings = ways.map(({ bits }) => ({ bits }));
  const mixes = mixesOf({ model, rules, ways: settings, plans, measured });
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
