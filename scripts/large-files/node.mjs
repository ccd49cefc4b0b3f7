// npm run large-files: quantizes files that are far larger than memory should be, with every core as the command line
// does, dequantizes the results, and compares the two. It reports the memory, and the time relative to reading and
// writing as many bytes, or for the comparison to reading one file after the other. Takes some minutes, and 4.1 GB in
// the system's folder for temporary files, or in the folder given: npm run large-files -- FOLDER. A second argument
// chooses cases by a part of their names.

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  compareModels,
  dequantizeModel,
  fileSink,
  openModel,
  openSource,
  outputBytes,
  planModel,
  quantizeModel,
} from "channelwise/models";
import { load } from "channelwise/parallel";
import { writeSparseModel } from "../sparse-model.mjs";
import { copy, readAll } from "./copy.mjs";
import { writeFloatGguf } from "./float-gguf.mjs";
import { layers, single } from "./shapes.mjs";

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number[][]} [shapes] of its float32 tensors; without them, it is a GGUF of float16
 * @property {import("channelwise/models").Rules} rules
 * @property {boolean} [back] whether to dequantize and compare too, which takes room for all floats
 */

/** @type {Case[]} */
const cases = [
  { name: "12.9 GB in 48 tensors, comfyui", shapes: layers, rules: { dialect: "comfyui" } },
  { name: "one tensor of 3.2 GB, a scale a row", shapes: single, rules: {}, back: true },
  { name: "one tensor of 3.2 GB, one scale", shapes: single, rules: { granularity: "tensor" }, back: true },
  { name: "one tensor of 3.2 GB, a scale a column", shapes: single, rules: { axis: 1 }, back: true },
  {
    name: "one tensor of 3.2 GB, 4 bits, groups of 32",
    shapes: single,
    rules: { dialect: "compressed-tensors", bits: 4, granularity: { group: 32, along: 1 } },
    back: true,
  },
  { name: "a GGUF of F16 of 3.1 GB, Q4_K_M", rules: { type: "Q4_K_M" } },
];

/**
 * The number of runs that a median is taken of. A disk takes several times as long to write a file for the first time,
 * so that run is not timed.
 */
const rounds = 5;

/** @typedef {{ job: string, seconds: number, copySeconds: number, bytes: number, memory: number }} Figures */

/** Each case runs in a process of its own, so that its peak of memory is its own. */
async function runAll(/** @type {string} */ parent, /** @type {string} */ pattern) {
  console.log(`${availableParallelism()} workers; memory is above that of the process with its workers, idle\n`);
  const folder = mkdtempSync(join(parent, "channelwise-large-"));
  try {
    for (const [i, { name }] of cases.entries()) {
      if (!name.includes(pattern)) continue;
      console.log(name);
      for (const { job, seconds, copySeconds, bytes, memory } of await inProcess(i, folder)) {
        console.log(
          `  ${job.padEnd(41)}${megabytes(memory).padStart(7)}${seconds.toFixed(1).padStart(7)} s, ` +
            `${(seconds / copySeconds).toFixed(2)} x the copy${megabytes(bytes / seconds).padStart(9)}/s`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {number} i
 * @param {string} folder
 * @returns {Promise<Figures[]>}
 */
function inProcess(i, folder) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [String(i), folder]);
    child.once("message", (figures) => resolve(/** @type {Figures[]} */ (figures)));
    child.once("exit", (code) => reject(new Error(`case ${i} ended with exit code ${code}`)));
  });
}

/**
 * @param {Case} given
 * @param {string} folder
 * @returns {Promise<Figures[]>}
 */
async function measure({ shapes, rules, back }, folder) {
  const ending = shapes ? "safetensors" : "gguf";
  const input = join(folder, `model.${ending}`);
  const quantized = join(folder, `quantized.${ending}`);
  const output = join(folder, `output.${ending}`);
  const bytes = await (shapes ? writeSparseModel(input, shapes) : writeFloatGguf(input));
  const channelwise = await load({ workers: availableParallelism() });
  const model = await openModel(input);
  const plan = planModel(model, rules);
  const sinkTo = (/** @type {string} */ path) => fileSink(path, { overwrite: true });
  const copyOnce = (/** @type {string} */ from, /** @type {number} */ length) => async () => {
    const source = await openSource(from);
    await copy(source, await sinkTo(output), length);
    await source.close();
  };
  const { byteLength: size } = model;

  const jobs = [
    {
      job: "quantize",
      run: async () => {
        await quantizeModel(channelwise, plan, await sinkTo(quantized));
      },
      copyAsMuch: copyOnce(input, outputBytes(plan)),
    },
    {
      job: "dequantize",
      run: async () => {
        const codes = await openModel(quantized);
        await dequantizeModel(channelwise, codes, await sinkTo(output));
        await codes.close();
      },
      copyAsMuch: copyOnce(quantized, size),
    },
    {
      job: "compare",
      run: async () => {
        const codes = await openModel(quantized);
        await compareModels(channelwise, model, codes);
        await codes.close();
      },
      copyAsMuch: async () => {
        for (const path of [input, quantized]) {
          const source = await openSource(path);
          await readAll(source);
          await source.close();
        }
      },
    },
  ];
  /** @type {Figures[]} */
  const figures = [];
  for (const { job, run, copyAsMuch } of back ? jobs : jobs.slice(0, 1)) {
    // This comes first, before a copy has made room in the process.
    const memory = await growthDuring(run);
    await copyAsMuch();
    /** @type {{ run: number[], copy: number[] }} */
    const times = { run: [], copy: [] };
    for (let round = 0; round < (shapes ? rounds : 1); round++) {
      times.run.push(await timed(run));
      times.copy.push(await timed(copyAsMuch));
    }
    figures.push({ job, seconds: median(times.run), copySeconds: median(times.copy), bytes, memory });
  }
  await model.close();
  channelwise.close();
  return figures;
}

/** The number of bytes by which the process grows during an action. */
async function growthDuring(/** @type {() => Promise<void>} */ action) {
  globalThis.gc?.();
  const idle = process.memoryUsage().rss;
  let peak = idle;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  await action();
  clearInterval(watch);
  return peak - idle;
}

async function timed(/** @type {() => Promise<void>} */ action) {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

function median(/** @type {number[]} */ values) {
  return /** @type {number} */ (values.sort((a, b) => a - b)[values.length >> 1]);
}

function megabytes(/** @type {number} */ bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}

const [given, other] = process.argv.slice(2);
if (process.send && other !== undefined) process.send(await measure(/** @type {Case} */ (cases[Number(given)]), other));
else await runAll(given ?? tmpdir(), other ?? "");
