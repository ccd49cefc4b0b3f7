// channelwise with workers, over shared arrays where a page may have them.

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
 * @param {Floats} weights
 * @param {Options} options with arrays to fill, which shared ones take the place of
 * @param {{ get<A>(content: string, length: number, make: () => A): A }} arrays
 */
export function quantizerWithWorkers(weights, options, arrays) {
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
  /** @type {Promise<import("channelwise/parallel").ParallelChannelwise> | undefined} */
  let loading;
  return {
    by: `channelwise, workers${canShare ? ", shared arrays" : ""}`,
    async run() {
      if (loading === undefined) {
        loading = load();
        if (inputs !== weights) inputs.set(weights);
      }
      return (await loading).quantize(inputs, { ...options, into });
    },
    release: async () => (await loading)?.close(),
  };
}
