import { embeddedWasm } from "./core/wasm/embedded-wasm.js";

// The binary is the first thing in a bundle: blocks of gzip that it shares with code, whose letters are others, are larger.

import { checkNames } from "./core/arguments.js";
import { createChannelwise } from "./core/channelwise.js";
import type { Channelwise, LoadOptions } from "./core/types.js";
import { compile, instantiate } from "./core/wasm/instantiate.js";

export { FormatError, NonFiniteError } from "./core/errors.js";
export type * from "./core/types.js";

let shared: Promise<Channelwise> | undefined;

/**
 * Loads the shared quantizer; the first call makes it from the WebAssembly inside this module. With `wasm`, makes a
 * quantizer of its own from that binary. A load that failed can be tried again.
 *
 * @throws {TypeError} for wrong options.
 * @throws {Error} where the engine has no WebAssembly SIMD, or the binary cannot be loaded or belongs to another
 * version.
 */
export async function load(options: LoadOptions = {}): Promise<Channelwise> {
  checkNames("options", options, ["wasm"]);
  if (options.wasm !== undefined) return createChannelwise(await instantiate(await compile(options.wasm)));
  shared ??= embeddedWasm()
    .then(compile)
    .then(instantiate)
    .then(createChannelwise)
    .catch((error: unknown) => {
      shared = undefined;
      throw error;
    });
  return shared;
}
