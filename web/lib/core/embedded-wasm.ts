import { deflatedWasm } from "./embedded.js";
import { nodeModule } from "./node-module.js";

/**
 * The WebAssembly inside this package.
 *
 * @throws {Error} where nothing can unpack it.
 */
export async function embeddedWasm(): Promise<ArrayBuffer | Uint8Array> {
  const bytes = Uint8Array.from(atob(deflatedWasm), (character) => character.charCodeAt(0));
  // Test environments that imitate a page in Node do not bring all that the other way needs.
  const zlib = nodeModule("node:zlib");
  if (zlib) return zlib.inflateRawSync(bytes);
  if (typeof DecompressionStream !== "function") {
    throw new Error(
      "there is no DecompressionStream here to unpack the WebAssembly inside channelwise: give load({ wasm }) the bytes of channelwise/channelwise.wasm",
    );
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}
