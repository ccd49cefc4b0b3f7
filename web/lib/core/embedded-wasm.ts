import { deflatedWasm } from "./embedded.js";
import { inflateWasm } from "./inflate-wasm.js";

/**
 * The WebAssembly inside this package.
 *
 * @throws {Error} where nothing can unpack it.
 */
export function embeddedWasm(): Promise<ArrayBuffer | Uint8Array> {
  return inflateWasm(deflatedWasm);
}
