/** WebAssembly.Module, where the program's libraries declare it: those for Node alone do not. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : object;
