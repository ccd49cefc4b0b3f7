// The cost of 8 bits: the table that npm start prints for real weights. It imports the package as any user does.

import { load } from "channelwise";

/** @typedef {import("./data.mjs").Tensor} Tensor */

/**
 * The cost of one tensor or of many, as sums that can be added.
 * @typedef {object} Cost
 * @property {number} signal sum of the squared weights
 * @property {number} channelNoise sum of the squared errors with one scale per channel
 * @property {number} tensorNoise the same with one scale per tensor
 * @property {number} bytesBefore float32 weights
 * @property {number} bytesAfter codes and scales, one per channel
 */

/** @type {(keyof Cost)[]} */
const costs = ["signal", "channelNoise", "tensorNoise", "bytesBefore", "bytesAfter"];

const columns = ["name", "shape", "axis", "SQNR per channel", "SQNR per tensor", "bytes before", "bytes after"];

/**
 * @param {string} title
 * @param {Tensor[]} tensors
 */
export async function report(title, tensors) {
  const channelwise = await load();
  const measured = tensors.map((tensor) => ({ tensor, cost: measure(channelwise, tensor) }));
  const total = measured.map(({ cost }) => cost).reduce(add);

  const rows = [
    ...measured.map(({ tensor, cost }) => [tensor.name, `[${tensor.shape}]`, `${tensor.axis}`, ...figures(cost)]),
    ["total *", "", "", ...figures(total)],
  ];
  console.log(`\n${title}, 8 bits\n`);
  printTable(columns, rows);
  console.log("\n* 10 log10(sum of squared weights / sum of squared errors), both sums over all weights above");
}

/**
 * @param {import("channelwise").Channelwise} channelwise
 * @param {Tensor} tensor
 * @returns {Cost}
 */
export function measure(channelwise, { weights, shape, axis }) {
  const perChannel = channelwise.quantize(weights, { shape, axis });
  const perTensor = channelwise.quantize(weights, { granularity: "tensor" });
  return {
    signal: weights.reduce((sum, weight) => sum + weight * weight, 0),
    channelNoise: perChannel.mse * weights.length,
    tensorNoise: perTensor.mse * weights.length,
    bytesBefore: weights.byteLength,
    bytesAfter: perChannel.quantized.byteLength + perChannel.scales.byteLength,
  };
}

/**
 * @param {Cost} a
 * @param {Cost} b
 */
export function add(a, b) {
  const sum = { ...a };
  for (const key of costs) sum[key] += b[key];
  return sum;
}

/**
 * The SQNR in dB.
 * @param {number} signal
 * @param {number} noise
 */
export function sqnr(signal, noise) {
  return 10 * Math.log10(signal / noise);
}

/** @param {Cost} cost */
function figures({ signal, channelNoise, tensorNoise, bytesBefore, bytesAfter }) {
  const decibels = (/** @type {number} */ noise) => `${sqnr(signal, noise).toFixed(2)} dB`;
  const bytes = (/** @type {number} */ count) => count.toLocaleString("en-US");
  return [decibels(channelNoise), decibels(tensorNoise), bytes(bytesBefore), bytes(bytesAfter)];
}

/**
 * Prints rows with texts aligned to the left, and numbers to the right.
 * @param {string[]} header
 * @param {string[][]} rows
 */
function printTable(header, rows) {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {string[]} */ cells) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  console.log([line(header), rule, ...rows.slice(0, -1).map(line), rule, ...rows.slice(-1).map(line)].join("\n"));
}
