import { nodeModule } from "../node-module.js";
import { bytesOf } from "./text.js";
import { eachByte } from "./wasm-bytes.js";

/** A WebAssembly binary inside this package. */
export interface PackedWasm {
  /** Where the bytes of each kind begin (see wasm-bytes.ts). */
  readonly starts: readonly number[];
  /** Its bytes, kind by kind, deflated (RFC 1951), as a text. */
  readonly deflated: string;
}

/**
 * Unpacks the binary.
 *
 * @throws {Error} where nothing can inflate it.
 */
export async function unpackWasm({ starts, deflated }: PackedWasm): Promise<Uint8Array<ArrayBuffer>> {
  const sorted = await inflate(bytesOf(deflated));
  const binary = new Uint8Array(sorted.length);
  const places = [...starts];
  let at = 0;
  eachByte(binary.length, (kind, recent) => {
    const byte = sorted[places[kind]++ as number] as number;
    binary[at] = recent?.[byte] ?? byte;
    return binary[at++] as number;
  });
  return binary;
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // Test environments that imitate a page in Node lack parts that the other way needs.
  const zlib = nodeModule("node:zlib");
  if (zlib) return zlib.inflateRawSync(bytes);
  if (typeof DecompressionStream !== "function") {
    throw new Error(
      "there is no DecompressionStream here to unpack the WebAssembly inside channelwise: give load({ wasm }) the bytes of channelwise/channelwise.wasm",
    );
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
