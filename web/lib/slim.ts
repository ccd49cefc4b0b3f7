import { checkNames } from "./arguments.js";
import { createChannelwise } from "./channelwise.js";
import { compile, instantiate } from "./instantiate.js";
import type { Channelwise, LoadOptions } from "./types.js";

export { FormatError, NonFiniteError } from "./errors.js";
export type * from "./types.js";

/**
 * Makes a quantizer from `channelwise/channelwise.wasm`, which this entry does not carry.
 *
 * @throws {TypeError} without `wasm`.
 */
export async function load(options: Required<LoadOptions>): Promise<Channelwise> {
  if (options !== undefined) checkNames("options", options, ["wasm"]);
  if (options?.wasm === undefined) throw new TypeError("load({ wasm }) is needed: channelwise/slim carries no wasm");
  return createChannelwise(await instantiate(await compile(options.wasm)));
}
