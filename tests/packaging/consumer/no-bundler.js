import { load } from "channelwise/slim";
import { quantizeFile } from "./file.js";
import { quantizeInParallel } from "./parallel.js";
import { quantizeSample } from "./quantize.js";

const wasm = new URL("./node_modules/channelwise/dist/channelwise.wasm", import.meta.url);

/** The slim entry, with every form of its binary. */
async function quantizeWithSlim() {
  const sources = [wasm, wasm.href, fetch(wasm), await fetch(wasm), await (await fetch(wasm)).arrayBuffer()];
  const instances = await Promise.all(sources.map((source) => load({ wasm: source })));
  return instances.map((channelwise) => [...channelwise.quantize([[1, -2, 3.5, 127]]).quantized]);
}

const createWorker = () => new Worker(new URL("./no-bundler-worker.js", import.meta.url), { type: "module" });

/** This page's policy forbids workers from blob: addresses. */
const refused = await quantizeInParallel().catch((error) => error.message);

const outcome = {
  page: await quantizeSample(),
  file: await quantizeFile(),
  slim: await quantizeWithSlim(),
  refused,
  ownWorkers: await quantizeInParallel({ createWorker }),
};
/** @type {HTMLOutputElement} */ (document.querySelector("output")).textContent = JSON.stringify(outcome);
