import { packedWasm } from "./embedded.js";
import { unpackWasm } from "./unpack-wasm.js";

/**
 * The WebAssembly inside this package.
 *
 * @throws {Error} where nothing can inflate it.
 */
export const embeddedWasm = (): Promise<Uint8Array<ArrayBuffer>> => unpackWasm(packedWasm);
