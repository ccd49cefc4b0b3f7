import { checkNames } from "./core/arguments.js";
import { createChannelwise } from "./core/channelwise.js";
import type { Channelwise, LoadOptions } from "./core/types.js";
import { compile, instantiate } from "./core/wasm/instantiate.js";

export { FormatError, NonFiniteError } from "./core/errors.js";
export type * from "./core/types.js";

/**
 * Makes a quantizer from `channelwise/channelwise.wasm`, which this entry does not contain.
 *
 * @throws {TypeError} without `wasm`.
 * @throws {Error} where the engine has no WebAssembly SIMD, or the binary cannot be loaded or belongs to another
 * version.
 */
export async function load(options: Required<LoadOptions>): Promise<Channelwise> {
  if (options !== undefined) checkNames("options", options, ["wasm"]);
  if (options?.wasm === undefined) throw new TypeError("load({ wasm }) is needed: channelwise/slim carries no wasm");
  return createChannelwise(await instantiate(await compile(options.wasm)));
}
