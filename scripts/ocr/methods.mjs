// Methods for codes, compared at nearly the same bits a weight: what onnxruntime-web answers with the weights that their
// codes stand for. All bits count as packed, also those that no .onnx file packs, and scales of groups as float16.

import { bytesOf, matricesOf, sqnrOf, tensorOf, valuesOf } from "../matrices.mjs";
import { measuredMixes } from "../mixes.mjs";
import { evaluate } from "./evaluate.mjs";

/** @typedef {import("../matrices.mjs").Way} Way */
/** @typedef {import("../matrices.mjs").Matrix} Matrix */

/** Where the groups of a row begin: equally good weights with other errors, of which one alone says little. */
export const offsets = [0, 8, 16, 4, 24];

/** The bits a weight that mixes may take. */
const mixedBits = 4.64;

const search = /** @type {const} */ ({ scales: "search" });
const ofGroups = { bits: 4, group: 32 };

/** @type {Record<string, Way>} */
const ways = {
  "4 bits, max": ofGroups,
  "4 bits, signed max": { ...ofGroups, scales: "signed-max" },
  "4 bits, search": { ...ofGroups, ...search },
  "4 bits, zero points": { ...ofGroups, zeroPoints: true },
  "4 bits, zero points, search": { ...ofGroups, zeroPoints: true, ...search },
  "4 bits, max, balanced": { ...ofGroups, balance: true },
  "4 bits, search, balanced": { ...ofGroups, ...search, balance: true },
  "4 bits, zero points, search, balanced": { ...ofGroups, zeroPoints: true, ...search, balance: true },
};

/** @type {Record<string, Way[]>} */
const mixed = {
  "mixed, search": mixOf([undefined, 128, 32], search),
  "mixed, search, balanced": mixOf([64, 128, 32], { ...search, balance: true }),
};

/** The ways that --fit tries. */
function mixOf(/** @type {(number | undefined)[]} */ groups, /** @type {Omit<Way, "bits" | "group">} */ rule) {
  return [8, 6, 5, 4, 3, 2].flatMap((bits) => groups.map((group) => ({ bits, group, ...rule })));
}

/**
 * The way of each matrix with each method.
 * @param {Matrix[]} matrices
 * @returns {Promise<[string, Way[]][]>}
 */
async function methodsOf(matrices) {
  const uniform = Object.entries(ways).map(
    ([name, way]) => /** @type {[string, Way[]]} */ ([name, matrices.map(() => way)]),
  );
  for (const [name, tried] of Object.entries(mixed)) {
    const { mixes, waysOf } = await measuredMixes(matrices, tried);
    uniform.push([name, waysOf(mixes.within({ bitsPerWeight: mixedBits }))]);
  }
  return uniform;
}

/**
 * The figures of a model with each method, one for each grouping.
 * @param {import("./evaluate.mjs").OnnxRuntime} runtime
 * @param {import("./packages.mjs").ModelName} name
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }} file
 * @param {import("./pictures.mjs").Pictures} pictures
 * @param {string[]} characters
 */
export async function* evaluateMethods(runtime, name, file, pictures, characters) {
  const matrices = await matricesOf(file);
  const put = weightsIn(file.bytes, matrices);
  const weights = matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  for (const [method, waysOf] of await methodsOf(matrices)) {
    const bytes = matrices.reduce((sum, matrix, i) => sum + bytesOf(matrix, waysOf[i]), 0);
    const losses = matrices.map((matrix, i) => 10 ** (-sqnrOf(matrix, waysOf[i]) / 10));
    const groupings = offsets.map((offset) => {
      const values = matrices.map((matrix, i) => tensorOf(valuesOf(matrix, waysOf[i], offset), matrix.tensor));
      return /** @type {const} */ ([`${offset}`, put(values)]);
    });
    const files = { float32: file.bytes, ...Object.fromEntries(groupings) };
    const { float32: _, ...figures } = await evaluate(runtime, name, files, pictures, characters);
    const sqnr = -10 * Math.log10(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
    yield { method, bitsPerWeight: (8 * bytes) / weights, sqnr, runs: Object.values(figures) };
  }
}

/**
 * Gives a function that puts other weights into a model. The model has them as bytes, one after the other.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Awaited<ReturnType<typeof matricesOf>>} matrices
 */
function weightsIn(bytes, matrices) {
  const model = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const raw = (/** @type {Float32Array} */ { buffer, byteOffset, byteLength }) =>
    Buffer.from(/** @type {ArrayBuffer} */ (buffer), byteOffset, byteLength);
  const places = matrices.map(({ tensor }) => model.indexOf(raw(tensor.weights)));
  if (places.includes(-1)) throw new Error("the model has weights that are not stored as bytes");
  return (/** @type {Float32Array[]} */ tensors) => {
    const changed = Uint8Array.from(bytes);
    for (const [i, tensor] of tensors.entries()) changed.set(raw(tensor), places[i]);
    return changed;
  };
}
