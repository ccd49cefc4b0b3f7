import { type BlockType, blockTypes } from "../../../dist/storage/ggml/block-types.js";
import { kinds, randomBytes, weightsOf, withOneNaN } from "./weights.js";

/** By type: the bytes of 256 weights of each kind in base64, and the hash of weights of random bytes. */
export type Golden = Record<string, { encoded?: Record<string, string>; decoded: string }>;

/** The results of encoding and decoding. */
export async function goldenOf(
  encode: (type: BlockType, weights: Float32Array<ArrayBuffer>) => Uint8Array,
  decode: (type: BlockType, bytes: Uint8Array<ArrayBuffer>) => Float32Array<ArrayBuffer>,
): Promise<Golden> {
  const golden: Golden = {};
  for (const type of Object.keys(blockTypes) as BlockType[]) {
    const { blockLength, blockBytes, encodes } = blockTypes[type];
    const decoded = withOneNaN(decode(type, randomBytes((65_536 / blockLength) * blockBytes)));
    golden[type] = { decoded: base64(new Uint8Array(await crypto.subtle.digest("SHA-256", decoded))) };
    if (encodes) {
      const entries = Object.keys(kinds).map((kind) => [kind, base64(encode(type, weightsOf(kind, 256, 2)))]);
      golden[type].encoded = Object.fromEntries(entries);
    }
  }
  return golden;
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
