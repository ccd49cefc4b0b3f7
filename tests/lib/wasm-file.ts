/** The published binary: a file in Node, an address of the test server on a page. */
export const wasmAddress = new URL("../../dist/channelwise.wasm", import.meta.url);

export async function readWasm(): Promise<Uint8Array<ArrayBuffer>> {
  if (wasmAddress.protocol !== "file:") {
    const response = await fetch(wasmAddress);
    return new Uint8Array(await response.arrayBuffer());
  }
  return new Uint8Array(await process.getBuiltinModule("node:fs/promises").readFile(wasmAddress));
}
