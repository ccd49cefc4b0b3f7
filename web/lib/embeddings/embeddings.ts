import { decode } from "./decode.js";
import { encode } from "./encode.js";
import { newKernels } from "./kernels.js";
import { fitRanges } from "./ranges.js";
import { truncate } from "./truncate.js";
import type { Embeddings } from "./types.js";
import { createIndex, loadIndex } from "./vector-index.js";

/** The functions of `channelwise/embeddings` over a module of cpp/embeddings. */
export function newEmbeddings(module: WebAssembly.Module): Embeddings {
  const kernels = newKernels(module);
  return {
    fitRanges,
    encode: (vectors, scaling, options) => encode(kernels, vectors, scaling, options),
    decode,
    truncate,
    createIndex: (options) => createIndex(module, options),
    loadIndex: (saved, options) => loadIndex(module, saved, options),
  };
}
