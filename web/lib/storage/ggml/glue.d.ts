// The module that Emscripten makes of cpp/block_bindings.cpp. Written by hand, because Emscripten 3.1.6 cannot generate
// types.

import type { ModuleArguments } from "../../core/wasm/glue.js";

export interface BlockBindings {
  /** Views over the staging buffers. They stay valid, because the memory is fixed. */
  weights(): Float32Array<ArrayBuffer>;
  bytes(): Int8Array<ArrayBuffer>;
  /**
   * Encodes `count` staged weights into the type with this number in GGUF. Returns false if a weight is NaN or
   * infinite.
   */
  encode(type: number, count: number, searched: boolean): boolean;
  /** Decodes `count` staged blocks. Returns false if there is no such type. */
  decode(type: number, count: number): boolean;
}

export default function createModule(moduleArguments: ModuleArguments): Promise<BlockBindings>;
