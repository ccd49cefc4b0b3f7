// wllama: llama.cpp as WebAssembly, with which the tests run GGUFs in a browser.

import { fetchTarball } from "../data.mjs";

/** @type {import("../data.mjs").NpmTarball} */
const wllama = {
  name: "@wllama/wllama",
  version: "3.13.0",
  integrity: "ZvoRdQAn+E+18EvQ9qS036gudiI9rbZRBJgG/qNICPPwrA0Y6SMMdbziz/j7K/0WxcbJlhaRraVIYsnEy732NA==",
  folder: "esm",
  wants: (path) => /\/(index\.min\.js|wllama\.wasm)$/.test(path),
};

/**
 * Fetches it, once.
 * @returns {Promise<string>} the folder with index.min.js and wasm/wllama.wasm
 */
export function fetchWllama() {
  return fetchTarball(wllama);
}
