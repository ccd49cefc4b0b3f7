// The benchmark itself, the same in Node and in a page. Contenders of one process take turns, in an order that rotates
// from round to round, and ratios are formed within rounds. (tinybench finishes one task before the next, so that a
// drift of the machine appears as a difference between tasks.)

import { load } from "channelwise";
import { extents, groups, jobs, product, weightsOf } from "./cases.mjs";
import { check, exactResult } from "./check.mjs";
import { exactLoops, fastLoops, quantizeRows } from "./javascript.mjs";
import { quantizeBy } from "./javascript-search.mjs";
import { onnxruntimeRows } from "./onnxruntime.mjs";
import { quantizersOverShared } from "./parallel.mjs";

/** @typedef {import("./cases.mjs").Work} Work */
/** @typedef {import("./cases.mjs").Job} Job */
/** @typedef {import("./check.mjs").Result} Result */
/** @typedef {import("./check.mjs").Floats} Floats */

/**
 * @typedef {object} Contender
 * @property {string} work
 * @property {string} job
 * @property {string} by
 * @property {boolean} exact
 * @property {string} weights the type and number of weights, shared with the copy that it is compared with
 * @property {number} count the number of weights
 * @property {() => Result | Promise<Result> | void} run
 * @property {() => Promise<void>} [release]
 */

/**
 * The times of a contender: milliseconds a call, one number for each round of its group.
 * @typedef {Omit<Contender, "run" | "release"> & { group: number, samples: number[] }} Measured
 */

/** @typedef {{ models: Record<string, number[]>, quick: boolean, only: string }} Options only: a regular expression */

/** Shorter calls are repeated, so that the resolution of the clock does not matter. */
const sampleMilliseconds = 4;
const warmUpMilliseconds = 200;
const settleMilliseconds = 25;

/**
 * @param {Options} options
 * @returns {Promise<Measured[]>}
 */
export async function measure(options) {
  /** @type {Measured[]} */
  const measured = [];
  for (const [group, { works, rounds }] of groups(options).entries()) {
    const contenders = await contendersOf(works, options);
    const samples = await interleave(contenders, rounds);
    for (const [i, { run, release, ...contender }] of contenders.entries()) {
      measured.push({ ...contender, group, samples: samples[i] });
      await release?.();
    }
  }
  return measured;
}

/**
 * The contenders of all works that are wanted, each checked, and a copy of every array of weights.
 * @param {Work[]} works
 * @param {Options} options
 */
async function contendersOf(works, { models, only }) {
  const wanted = new RegExp(only, "i");
  const arrays = reusedArrays();
  /** @type {Contender[]} */
  const all = [];
  for (const work of works) {
    const weights = arrays.get(`${work.type} weights`, product(work.shape), () => weightsOf(work));
    const contenders = (await quantizersOf(work, weights, arrays, models)).filter(({ work, job, by }) =>
      wanted.test(`${work}, ${job}, ${by}`),
    );
    if (contenders.length === 0) continue;
    if (!all.some((other) => other.by === "set" && other.weights === weightsName(work)))
      all.push(copyOf(work, weights));

    const expected = exactResult(work, weights);
    for (const { job, by, exact, run } of contenders) {
      const name = `${work.name}, ${job}, ${by}`;
      console.debug(`checking ${name}`);
      arrays.spoil();
      const promise = /** @type {Job} */ (jobs.find((each) => each.name === job));
      check(name, /** @type {Result} */ (await run()), expected, {
        ...promise,
        exact: exact,
        errors: !!promise.errors,
      });
    }
    all.push(...contenders);
  }
  return all;
}

/**
 * Copies the weights into an existing array.
 * @param {Work} work
 * @param {Floats} weights
 * @returns {Contender}
 */
function copyOf(work, weights) {
  const target = weights.slice().fill(0);
  const run = () => target.set(weights);
  run();
  if (!target.every((weight, i) => weight === weights[i])) throw new Error("The copy is not one");
  return { ...described(work), job: "copy", by: "set", run };
}

/**
 * @param {Work} work
 * @param {Floats} weights
 * @param {ReturnType<typeof reusedArrays>} arrays
 * @param {Options["models"]} models
 */
async function quantizersOf(work, weights, arrays, models) {
  const channelwise = await load();
  const size = weights.length;
  const { outer, channels } = extents(work);
  const newFloats = (/** @type {number} */ length) =>
    work.type === "float32" ? new Float32Array(length) : new Float64Array(length);
  const newCodes = () => (work.bits > 8 ? new Int16Array(size) : new Int8Array(size));

  if (work.rule) return byRule(work, /** @type {Float32Array} */ (weights), arrays, channelwise);

  /** @type {Contender[]} */
  const contenders = [];
  for (const { name: job, errors, dequantize } of jobs) {
    const add = (/** @type {Pick<Contender, "by" | "run" | "release"> & { exact?: boolean }} */ contender) =>
      contenders.push({ ...described(work), job, ...contender });

    const into = {
      scales: arrays.get(`${work.type} scales`, channels, newFloats),
      quantized: arrays.get(work.bits > 8 ? "int16" : "int8", size, newCodes),
      ...(dequantize ? { dequantized: arrays.get(`${work.type} dequantized`, size, newFloats) } : {}),
    };
    const options = { shape: work.shape, bits: work.bits, ...work.layout, errors, dequantize };
    const reusing = { ...options, into };
    add({ by: "channelwise", run: () => channelwise.quantize(weights, reusing) });
    if (!work.hasPeers || !(weights instanceof Float32Array) || outer !== 1) continue;

    add({ by: "channelwise, fresh arrays", run: () => channelwise.quantize(weights, options) });
    for (const quantizer of await quantizersOverShared(weights, reusing, arrays)) add(quantizer);
    const fresh = () => ({
      scales: new Float32Array(channels),
      quantized: new Int8Array(size),
      ...(dequantize ? { dequantized: new Float32Array(size) } : {}),
    });
    const reused = /** @type {ReturnType<typeof fresh>} */ (into);
    for (const { by, exact, loops } of plainLoops) {
      const quantize = (/** @type {typeof reused} */ filled) =>
        quantizeRows(loops, weights, channels, errors !== false, filled);
      add({ by, exact, run: () => quantize(reused) });
      add({ by: `${by}, fresh arrays`, exact, run: () => quantize(fresh()) });
    }
    const runtime = await onnxruntimeRows(models[job], weights, work.shape, errors !== false);
    add({ by: "onnxruntime-web, fresh arrays", ...runtime });
  }
  return contenders;
}

/**
 * Codes by the rule of a work, and the same in JavaScript.
 * @param {Work} work
 * @param {Float32Array} weights
 * @param {ReturnType<typeof reusedArrays>} arrays
 * @param {import("channelwise").Channelwise} channelwise
 * @returns {Contender[]}
 */
function byRule(work, weights, arrays, channelwise) {
  const { bits, shape, layout } = work;
  const { scales, zeroPoints } = /** @type {NonNullable<Work["rule"]>} */ (work.rule);
  const { channels, inner } = extents(work);
  const into = {
    scales: arrays.get("float32 scales", channels, (length) => new Float32Array(length)),
    quantized: arrays.get("int8", weights.length, (length) => new Int8Array(length)),
    ...(zeroPoints ? { zeroPoints: arrays.get("zero points", channels, (length) => new Int8Array(length)) } : {}),
  };
  const options = /** @type {const} */ ({ shape, bits, ...layout, scales, zeroPoints, errors: false, into });
  const common = { ...described(work), job: "codes" };
  return [
    { ...common, by: "channelwise", run: () => channelwise.quantize(weights, options) },
    { ...common, by: "JavaScript", run: () => quantizeBy(weights, inner, { bits, scales, zeroPoints }, into) },
  ];
}

const plainLoops = [
  { by: "JavaScript", exact: true, loops: exactLoops },
  { by: "JavaScript, inexact", exact: false, loops: fastLoops },
];

const weightsName = (/** @type {Work} */ work) => `${work.type}, ${product(work.shape)}`;

const described = (/** @type {Work} */ work) => ({
  work: work.name,
  exact: true,
  weights: weightsName(work),
  count: product(work.shape),
});

/** Arrays that contenders share, by content and length. */
function reusedArrays() {
  /** @type {Map<string, { array: unknown, isOutput: boolean }>} */
  const arrays = new Map();
  return {
    /**
     * @template A
     * @param {string} content
     * @param {number} length
     * @param {(length: number) => A} make
     * @returns {A}
     */
    get(content, length, make) {
      const key = `${content}, ${length}`;
      if (!arrays.has(key)) arrays.set(key, { array: make(length), isOutput: !content.endsWith("weights") });
      return /** @type {A} */ (arrays.get(key)?.array);
    },
    /** Overwrites the outputs, so that no contender passes with what the one before it wrote. */
    spoil() {
      for (const { array, isOutput } of arrays.values()) if (isOutput) /** @type {Floats} */ (array).fill(99);
    },
  };
}

/**
 * Milliseconds a call for each contender in each round, after a warm-up.
 * @param {Contender[]} contenders
 * @param {number} rounds
 */
async function interleave(contenders, rounds) {
  const calls = [];
  for (const { run } of contenders) {
    const estimate = await warmUp(run);
    calls.push(Math.max(1, Math.ceil(sampleMilliseconds / estimate)));
  }

  /** @type {number[][]} */
  const samples = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    console.debug(`round ${round + 1} of ${rounds}: ${contenders.length} contenders`);
    for (let turn = 0; turn < contenders.length; turn++) {
      const i = (round + turn) % contenders.length;
      // The pause lets caches and garbage of the previous contender settle, so that they do not count for the next.
      const settled = performance.now() + settleMilliseconds;
      do await time(contenders[i].run, 1);
      while (performance.now() < settled);
      samples[i].push(await time(contenders[i].run, calls[i]));
    }
  }
  return samples;
}

/**
 * Calls often enough for an engine to compile it with full optimization.
 * @param {Contender["run"]} run
 * @returns the milliseconds of a call after that
 */
async function warmUp(run) {
  const end = performance.now() + warmUpMilliseconds;
  let latest = await time(run, 2);
  let calls = 1;
  while (performance.now() < end) {
    latest = await time(run, calls);
    if (latest * calls < sampleMilliseconds) calls *= 2;
  }
  return latest;
}

/**
 * @param {Contender["run"]} run
 * @param {number} calls
 * @returns milliseconds a call
 */
async function time(run, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) / calls;
}
