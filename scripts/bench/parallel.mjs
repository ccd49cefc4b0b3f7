// channelwise with workers, over shared arrays where a page may have them, and on one thread over the same arrays.

import { load as loadOneThread } from "channelwise";
import { load } from "channelwise/parallel";

/** @typedef {import("./check.mjs").Floats} Floats */
/** @typedef {Floats | Int8Array | Int16Array} Numbers */

/** @typedef {import("channelwise").QuantizeOptions & { into: { quantized: Int8Array | Int16Array, scales: Floats, dequantized?: Floats } }} Options */

const canShare = globalThis.crossOriginIsolated !== false;

/**
 * @template {Numbers} A
 * @param {A} array
 */
function sharedLike(array) {
  const Type = /** @type {new (memory: SharedArrayBuffer) => A} */ (/** @type {unknown} */ (array.constructor));
  return new Type(new SharedArrayBuffer(array.byteLength));
}

/**
 * One for all contenders, as a program would have it.
 * @type {Promise<import("channelwise/parallel").ParallelChannelwise> | undefined}
 */
let loading;

/**
 * @param {Floats} weights
 * @param {Options} options with arrays to fill, which are replaced by shared ones
 * @param {{ get<A>(content: string, length: number, make: () => A): A }} arrays
 */
export async function quantizersOverShared(weights, options, arrays) {
  /** @type {<A extends Numbers>(name: string, array: A) => A} */
  const shared = (name, array) => {
    if (!canShare) return array;
    return arrays.get(`${array.constructor.name} shared ${name}`, array.length, () => sharedLike(array));
  };
  const { quantized, scales, dequantized } = options.into;
  const into = {
    scales,
    quantized: shared("codes", quantized),
    ...(dequantized && { dequantized: shared("dequantized", dequantized) }),
  };
  const inputs = shared("weights", weights);
  if (inputs !== weights) inputs.set(weights);
  const channelwise = await loadOneThread();
  const withWorkers = {
    by: `channelwise, workers${canShare ? ", shared arrays" : ""}`,
    async run() {
      loading ??= load();
      return (await loading).quantize(inputs, { ...options, into });
    },
    async release() {
      const parallel = loading;
      loading = undefined;
      (await parallel)?.close();
    },
  };
  const oneThread = { by: "channelwise, shared arrays", run: () => channelwise.quantize(inputs, { ...options, into }) };
  return canShare ? [oneThread, withWorkers] : [withWorkers];
}
