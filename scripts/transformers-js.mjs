// transformers.js, which runs on onnxruntime-node in Node, and on onnxruntime-web in a browser. It is fetched when a test needs it, since its dependencies bring
// 330 MB of binaries.

import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { fetchTarball } from "./data.mjs";
import { fetchOnnxruntimeNode } from "./ocr/packages.mjs";

/** @type {import("./data.mjs").NpmTarball} */
const transformers = {
  name: "@huggingface/transformers",
  version: "4.3.2",
  integrity: "V3+dqf3iWlRYJ9I9GreM3zGQd0lAXnnoPeddmkOQYWAEE4l/+Fi6p7tx/qVUJlKQgLXGim2W76rTOzz+eC0i7g==",
  folder: "dist",
  wants: (path) => path.endsWith("/transformers.node.mjs") || path.endsWith("/transformers.web.js"),
  selection: "-node-and-web",
};

/**
 * What the tests use of it.
 * @typedef {object} Transformers
 * @property {{ localModelPath: string, allowRemoteModels: boolean }} env
 * @property {{ from_pretrained(name: string, options: { dtype: string }): Promise<(inputs: object) => Promise<{ last_hidden_state: { data: Float32Array, dims: number[] } }>> }} AutoModel
 * @property {new (type: "int64", data: BigInt64Array, dims: number[]) => object} Tensor
 */

/** @returns {Promise<string>} the folder with its files, transformers.node.mjs and transformers.web.js */
export function fetchTransformers() {
  return fetchTarball(transformers);
}

/** @returns {Promise<Transformers>} */
export async function loadTransformers() {
  const folder = await fetchTransformers();
  const runtime = await fetchOnnxruntimeNode();
  const link = join(folder, "node_modules", "onnxruntime-node");
  mkdirSync(dirname(link), { recursive: true });
  if (!existsSync(link)) symlinkSync(runtime, link, "junction");
  return import(pathToFileURL(join(folder, "transformers.node.mjs")).href);
}
