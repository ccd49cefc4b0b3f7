import { nodeModule } from "./node-module.js";

/**
 * A WebAssembly binary that lies inside this package.
 *
 * @param deflated - Deflated (RFC 1951) and in base64.
 * @throws {Error} where nothing can unpack it.
 */
export async function inflateWasm(deflated: string): Promise<ArrayBuffer | Uint8Array> {
  const bytes = Uint8Array.from(atob(deflated), (character) => character.charCodeAt(0));
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
