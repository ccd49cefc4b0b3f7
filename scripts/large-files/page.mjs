// The script in the page of browser.mjs.

import { openModel, openSource, outputBytes, planModel, privateFileSink, quantizeModel } from "channelwise/models";
import { load } from "channelwise/parallel";
import { copy } from "./copy.mjs";

/** @typedef {import("channelwise/models").Rules} Rules */

const channelwise = await load();

export const { workers } = channelwise;

function pickedFile() {
  const file = document.querySelector("input")?.files?.[0];
  if (!file) throw new Error("no file is picked");
  return file;
}

/** Returns the seconds that it takes to quantize the file that was picked. */
export async function quantize(/** @type {Rules} */ rules) {
  const model = await openModel(pickedFile());
  const sink = await privateFileSink("quantized.safetensors");
  const start = performance.now();
  await quantizeModel(channelwise, planModel(model, rules), sink);
  return (performance.now() - start) / 1000;
}

/** Returns the seconds that it takes to read that file and to write as much as quantizing does. */
export async function copyAsMuch(/** @type {Rules} */ rules) {
  const source = await openSource(pickedFile());
  const model = await openModel(source);
  const length = outputBytes(planModel(model, rules));
  const sink = await privateFileSink("copied.safetensors");
  const start = performance.now();
  await copy(source, sink, length);
  return (performance.now() - start) / 1000;
}
