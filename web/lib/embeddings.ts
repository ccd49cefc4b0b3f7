import { checkNames } from "./core/arguments.js";
import type { LoadOptions } from "./core/types.js";
import { compile } from "./core/wasm/instantiate.js";
import { unpackWasm } from "./core/wasm/unpack-wasm.js";
import { packedWasm } from "./embeddings/embedded.js";
import { newEmbeddings } from "./embeddings/embeddings.js";
import type { Embeddings } from "./embeddings/types.js";

export type { LoadOptions, WasmSource } from "./core/types.js";
export type * from "./embeddings/types.js";

let shared: Promise<Embeddings> | undefined;

/**
 * Loads the shared functions over vectors; the first call makes them from the WebAssembly inside this module. With
 * `wasm`, makes them from that binary: `channelwise/embeddings.wasm`. A load that failed can be tried again.
 *
 * @throws {TypeError} for wrong options.
 * @throws {Error} where the engine has no WebAssembly SIMD, or the binary cannot be loaded or belongs to another
 * version.
 */
export async function load(options: LoadOptions = {}): Promise<Embeddings> {
  checkNames("options", options, ["wasm"]);
  if (options.wasm !== undefined) return newEmbeddings(await compile(options.wasm));
  shared ??= unpackWasm(packedWasm)
    .then(compile)
    .then(newEmbeddings)
    .catch((error: unknown) => {
      shared = undefined;
      throw error;
    });
  return shared;
}
