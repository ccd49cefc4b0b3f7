/** cpp/embeddings as WebAssembly: deflated, in base64. Made by scripts/build.mjs. */
export const deflatedWasm: string;
