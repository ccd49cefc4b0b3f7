import { deflatedWasm } from "./embedded.js";

/** The WebAssembly inside this package. */
export async function embeddedWasm(): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(deflatedWasm), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}
