// npm run large-files: quantizes files that are far larger than memory should be, and says how much memory that took and
// how long against copying the same bytes with the same calls. The files are sparse: they take no room on the disk, and
// reading them costs what reading from the page cache costs. What is written takes 3 GB at a time, and is removed.

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "channelwise";
import { chooseTensors, fileSink, openModel, openSource, outputBytes, quantizeModel } from "channelwise/files";
import { load as loadParallel } from "channelwise/parallel";
import { writeSparseModel } from "./sparse-model.mjs";

/** @typedef {import("channelwise/files").ChooseRules} ChooseRules */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number[][]} shapes of its float32 tensors
 * @property {ChooseRules} rules
 * @property {number} [workers] on the calling thread when not given
 */

const layers = Array.from({ length: 48 }, () => [4096, 16384]);
const single = [[8192, 98304]];

/** @type {Case[]} */
const cases = [
  { name: "12.9 GB in 48 tensors, comfyui", shapes: layers, rules: { dialect: "comfyui" } },
  { name: "12.9 GB in 48 tensors, comfyui, 2 workers", shapes: layers, rules: { dialect: "comfyui" }, workers: 2 },
  { name: "12.9 GB in 48 tensors, kept as they are", shapes: layers, rules: { exclude: ["*"] } },
  { name: "one tensor of 3.2 GB, a scale a row", shapes: single, rules: {} },
  { name: "one tensor of 3.2 GB, one scale", shapes: single, rules: { granularity: "tensor" } },
  {
    name: "one tensor of 3.2 GB, 4 bits, groups of 32",
    shapes: single,
    rules: { dialect: "compressed-tensors", bits: 4, granularity: { group: 32, along: 1 } },
  },
];

const megabytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 1e6)} MB`;

/** Each case in a process of its own, so that its peak of memory is its own. */
async function runAll() {
  for (const [i, { name }] of cases.entries()) {
    const { seconds, copySeconds, bytes, memory } = await inProcess(i);
    const ratio = (seconds / copySeconds).toFixed(2);
    console.log(
      `${name.padEnd(46)}${megabytes(memory).padStart(8)} above idle  ${seconds.toFixed(1).padStart(6)} s, ` +
        `${ratio} x the copy  ${megabytes(bytes / seconds).padStart(8)}/s read`,
    );
  }
}

/**
 * @typedef {{ seconds: number, copySeconds: number, bytes: number, memory: number }} Figures
 * @param {number} i
 * @returns {Promise<Figures>}
 */
function inProcess(i) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [String(i)]);
    child.once("message", (figures) => resolve(/** @type {Figures} */ (figures)));
    child.once("exit", (code) => reject(new Error(`case ${i} ended with exit code ${code}`)));
  });
}

/** @param {Case} given */
async function measure({ shapes, rules, workers }) {
  const folder = mkdtempSync(join(tmpdir(), "channelwise-large-"));
  try {
    const input = join(folder, "model.safetensors");
    const output = join(folder, "quantized.safetensors");
    await writeSparseModel(input, shapes);
    const channelwise = workers === undefined ? await load() : await loadParallel({ workers });
    const model = await openModel(input);
    const choice = chooseTensors(model, rules);
    const outputLength = outputBytes(model, choice);

    const copyOnce = () => timed(() => copy(input, output, outputLength));
    const copyBefore = await copyOnce();
    globalThis.gc?.();
    const idle = process.memoryUsage().rss;
    let peak = idle;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    const seconds = await timed(async () => {
      await quantizeModel(channelwise, model, choice, await fileSink(output, { overwrite: true }));
    });
    clearInterval(watch);
    const copySeconds = (copyBefore + (await copyOnce())) / 2;
    const bytes = model.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    await model.close();
    if ("close" in channelwise) channelwise.close();
    return { seconds, copySeconds, bytes, memory: peak - idle };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {() => Promise<void>} action */
async function timed(action) {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** Reads all of the input and writes as much as the output has, with the calls that quantizing makes, and nothing else. */
async function copy(/** @type {string} */ input, /** @type {string} */ output, /** @type {number} */ outputLength) {
  const stretch = 2 ** 22;
  const source = await openSource(input);
  const sink = await fileSink(output, { overwrite: true });
  const read = (/** @type {number} */ at) => source.read(at, Math.min(stretch, source.size - at));
  let next = read(0);
  let written = 0;
  for (let at = 0; at < source.size; at += stretch) {
    const bytes = await next;
    if (at + stretch < source.size) next = read(at + stretch);
    const end = Math.round((outputLength * Math.min(source.size, at + stretch)) / source.size);
    await sink.write(written, bytes.subarray(0, end - written));
    written = end;
  }
  await sink.close();
  await source.close();
}

const given = process.argv[2];
if (given === undefined) await runAll();
else process.send?.(await measure(/** @type {Case} */ (cases[Number(given)])));
