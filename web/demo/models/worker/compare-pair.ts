import { compareModels, inspectModel, type Model, openModel, type RunOptions } from "channelwise/models";
import type { ComparedModels } from "../protocol.js";
import { withWorkers } from "./pool.js";

/** Compares two models. The quantized or smaller one is compared with the other, its original. */
export async function comparePair(
  pair: readonly [readonly File[], readonly File[]],
  options: Required<RunOptions>,
): Promise<ComparedModels> {
  const [first, second] = [await openModel(pair[0]), await openModel(pair[1])];
  const isSwapped =
    (await isQuantized(first)) || (!(await isQuantized(second)) && first.byteLength < second.byteLength);
  const [original, other] = isSwapped ? [second, first] : [first, second];
  const compared = await withWorkers((channelwise) => compareModels(channelwise, original, other, options));
  return { ...compared, original: original.name, other: other.name };
}

async function isQuantized(model: Model): Promise<boolean> {
  const { quantized, blocks = [] } = await inspectModel(model);
  return quantized.length + blocks.length > 0;
}
