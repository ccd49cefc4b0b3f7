import { checkNames } from "./arguments.js";
import { deflatedWasm } from "./embedded.js";
import { instantiate } from "./instantiate.js";
import type { Channelwise, LoadOptions } from "./types.js";

export { FormatError, NonFiniteError } from "./errors.js";
export type * from "./types.js";

let shared: Promise<Channelwise> | undefined;

/**
 * Gives the shared quantizer, made at the first call from the WebAssembly inside this module. With `wasm`, makes one of
 * its own from that binary. A load that failed can be tried again.
 */
export async function load(options: LoadOptions = {}): Promise<Channelwise> {
  checkNames("options", options, ["wasm"]);
  if (options.wasm !== undefined) return instantiate(options.wasm);
  shared ??= inflate(deflatedWasm)
    .then(instantiate)
    .catch((error: unknown) => {
      shared = undefined;
      throw error;
    });
  return shared;
}

async function inflate(base64: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}
