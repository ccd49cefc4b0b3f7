import { load } from "channelwise/slim";
import { quantizeSample } from "./quantize.js";

const wasm = new URL("./node_modules/channelwise/dist/channelwise.wasm", import.meta.url);

/** Workers have no import maps, so this page has none; it has the slim entry, with every form of its binary. */
async function quantizeWithSlim() {
  const sources = [wasm, wasm.href, fetch(wasm), await fetch(wasm), await (await fetch(wasm)).arrayBuffer()];
  const instances = await Promise.all(sources.map((source) => load({ wasm: source })));
  return instances.map((channelwise) => [...channelwise.quantize([[1, -2, 3.5, 127]]).quantized]);
}

const outcome = { page: await quantizeSample(), slim: await quantizeWithSlim() };
/** @type {HTMLOutputElement} */ (document.querySelector("output")).textContent = JSON.stringify(outcome);
