// The module that Emscripten makes of cpp/block_bindings.cpp, with what is registered there. Written by hand: 3.1.6 cannot.

import type { ModuleArguments } from "../../core/glue.js";

export interface BlockBindings {
  /** Views over the staging buffers. The memory is fixed: they stay valid. */
  weights(): Float32Array<ArrayBuffer>;
  bytes(): Int8Array<ArrayBuffer>;
  /** Staged weights become so many blocks of the type, by its number in GGUF. False if a weight is NaN or infinite. */
  encode(type: number, count: number, searched: boolean): boolean;
  /** So many staged blocks become weights. False if there is no such type. */
  decode(type: number, count: number): boolean;
}

export default function createModule(moduleArguments: ModuleArguments): Promise<BlockBindings>;
