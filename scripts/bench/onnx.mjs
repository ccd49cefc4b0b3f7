// npm run bench:onnx: the time that .onnx models for each target take, relative to the float model, with one thread.
// All forms of a model take turns in random orders, and the fastest run of each counts. A second session of the float
// model shows how far times differ by chance. Each run finds caches without its weights, as a layer of a large model
// does; with --warm it finds what it left there the run before. For whole models it also prints the table of
// docs/models.md, with their bytes and the SQNR of their outputs. --native runs them in onnxruntime-node, --only PART runs
// those with this part in their name.

import { parseArgs } from "node:util";
import { build } from "./library.mjs";

const { values: options } = parseArgs({
  options: { native: { type: "boolean" }, warm: { type: "boolean" }, only: { type: "string" } },
});
build();
// The library exists only now.
const { load } = await import("channelwise");
const { blobSink, openModel, planModel, quantizeModel } = await import("channelwise/models");
const { graphs } = await import("./onnx-graphs.mjs");
const { loadRuntime } = await import("./onnx-runtime.mjs");

const RUNS = 40;
/** Whole models take some time. */
const MODEL_RUNS = 20;
const targets = /** @type {const} */ (["wasm", "native", "webgpu", "portable"]);

/** Larger than the last cache of most processors. */
const other = new Float64Array(64 << 17);

const channelwise = await load();
const { InferenceSession, Tensor } = await loadRuntime(options.native ?? false);

/** @param {Uint8Array<ArrayBuffer>} bytes @param {import("channelwise/models").Rules} rules */
async function quantized(bytes, rules) {
  const sink = blobSink();
  await quantizeModel(channelwise, planModel(await openModel(bytes, { name: "model.onnx" }), rules), sink);
  return new Uint8Array(await (await sink.blob()).arrayBuffer());
}

console.log(`times of the float model in onnxruntime-${options.native ? "node" : "web"}, and bytes of the file\n`);
console.log(`| model | ${targets.join(" | ")} | float again |`);
console.log(`| --- |${" ---: |".repeat(targets.length + 1)}`);
/** @type {string[]} */
const losers = [];
/** @type {string[]} */
const rows = [];
for await (const { name, isModel, bytes, inputs } of graphs()) {
  if (options.only !== undefined && !name.includes(options.only)) continue;
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([input, { data, dims }]) => [
      input,
      data instanceof BigInt64Array ? new Tensor("int64", data, dims) : new Tensor("float32", data, dims),
    ]),
  );
  const files = [bytes];
  for (const target of targets) files.push(await quantized(bytes, { target }));
  files.push(bytes);
  const sessions = [];
  for (const file of files) sessions.push(await InferenceSession.create(file));
  /** @type {unknown[]} */
  const outputs = [];
  for (const session of sessions) outputs.push(Object.values(await session.run(feeds))[0].data);
  const best = files.map(() => Infinity);
  for (let run = 0; run < (isModel ? MODEL_RUNS : RUNS); run++) {
    for (const [i, session] of shuffled([...sessions.entries()])) {
      if (options.warm) await session.run(feeds);
      else emptyCaches();
      const start = performance.now();
      await session.run(feeds);
      best[i] = Math.min(best[i], performance.now() - start);
    }
  }
  for (const session of sessions) await session.release();
  const ratios = targets.map((_, i) => best[i + 1] / best[0]);
  const cells = ratios.map((ratio, i) => `${ratio.toFixed(2)}, ${(files[i + 1].length / bytes.length).toFixed(2)}`);
  const again = best[files.length - 1] / best[0];
  console.log(`| ${name} | ${cells.join(" | ")} | ${again.toFixed(2)} |`);
  if (isModel) {
    const sizes = files.map(({ length }) => length.toLocaleString("en-US"));
    rows.push(`| ${name} | float32 | ${sizes[0]} | | 1 |`);
    targets.forEach((target, i) => {
      rows.push(`| | ${target} | ${sizes[i + 1]} | ${sqnr(outputs[0], outputs[i + 1])} dB | ${ratios[i].toFixed(2)} |`);
    });
  }
  targets.forEach((target, i) => {
    if (ratios[i] > Math.max(1, again)) losers.push(`${name} for ${target}: ${ratios[i].toFixed(2)}`);
  });
}
console.log(`\nslower than both sessions of the float model: ${losers.length === 0 ? "none" : losers.join("; ")}`);
if (rows.length > 0) console.log("\n| model | target | bytes | outputs | time |\n| --- | --- | ---: | ---: | ---: |");
console.log(rows.join("\n"));
process.exit();

/** Reads 64 MB, a line of the cache at a time. */
function emptyCaches() {
  for (let i = 0; i < other.length; i += 8) other[i] += 1;
}

/**
 * In a random order (Fisher and Yates).
 * @template T
 * @param {T[]} things
 */
function shuffled(things) {
  for (let i = things.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [things[i], things[j]] = [things[j], things[i]];
  }
  return things;
}

/**
 * 10 log10(sum of squares / sum of squared differences), in dB.
 * @param {unknown} expected
 * @param {unknown} actual
 */
function sqnr(expected, actual) {
  const [a, b] = [/** @type {Float32Array} */ (expected), /** @type {Float32Array} */ (actual)];
  const signal = a.reduce((sum, value) => sum + value ** 2, 0);
  const noise = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  return (10 * Math.log10(signal / noise)).toFixed(1);
}
