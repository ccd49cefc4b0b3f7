// Mixed bits of matrices: the best mix of ways within a budget. All numbers of bits count as packed, with scales of
// float16 for groups and float32 for rows: no file format holds them all.

import { mixesOf, openModel, planModel } from "channelwise/models";
import { bytesOf, sqnrOf } from "./matrices.mjs";

/** @typedef {import("./matrices.mjs").Matrix} Matrix */
/** @typedef {import("./matrices.mjs").Way} Way */

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

/**
 * Measures matrices in several ways.
 * @param {Matrix[]} matrices
 * @param {readonly Way[]} ways
 */
export async function measuredMixes(matrices, ways) {
  const model = await modelOf(matrices);
  const rules = { minimumSize: 0 };
  const plans = ways.map(({ bits }) => planModel(model, { ...rules, bits }));
  const measured = ways.map((way, w) =>
    matrices.map((matrix, i) => {
      const decision = plans[w].decisions[i];
      if (!decision.quantize) throw new Error(`${decision.tensor} is kept: ${decision.reason}`);
      return { ...decision, bytesAfter: bytesOf(matrix, way), mse: 0, maxError: 0, sqnr: sqnrOf(matrix, way) };
    }),
  );
  const settings = ways.map(({ bits, group }) => ({ bits, granularity: { group: group ?? 1 } }));
  const mixes = mixesOf({ model, rules, ways: settings, plans, measured });
  /** The way that a mix has for each matrix. */
  const waysOf = (/** @type {import("channelwise/models").Mix} */ { rules: { tensors } }) =>
    matrices.map((_, i) => {
      const way = ways[settings.findIndex((each) => each.granularity === tensors?.get(i)?.granularity)];
      if (way === undefined) throw new Error(`the mix has no way for matrix ${i}`);
      return way;
    });
  return { mixes, measured, waysOf };
}
