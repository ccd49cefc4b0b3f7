import { compile } from "../../core/wasm/instantiate.js";
import { unpackWasm } from "../../core/wasm/unpack-wasm.js";
import { type Blocks, blocksOf } from "./blocks.js";
import { packedWasm } from "./embedded.js";

let compiled: Promise<WebAssembly.Module> | undefined;

/**
 * Compiles the module of the blocks, on the first call. A load that failed can be tried again.
 *
 * @throws {Error} where the engine has no WebAssembly SIMD, or may not compile.
 */
export function compileBlocks(): Promise<WebAssembly.Module> {
  compiled ??= unpackWasm(packedWasm)
    .then(compile)
    .catch((error: unknown) => {
      compiled = undefined;
      throw error;
    });
  return compiled;
}

/** Loads the encoder and decoder of blocks for this thread. */
export async function loadBlocks(): Promise<Blocks> {
  return blocksOf(await compileBlocks());
}
