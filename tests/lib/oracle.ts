import type { Channelwise } from "channelwise";
// The library's own code drives the oracle's bindings, so that only the kernels differ.
import { createChannelwise } from "../../dist/core/channelwise.js";
import type { ModuleArguments } from "../../web/lib/core/wasm/glue.js";

const glue = new URL("../../build/wasm-release/oracle.js", import.meta.url);
const binary = new URL("../../build/wasm-release/oracle.wasm", import.meta.url);

async function compileOracle(): Promise<WebAssembly.Module> {
  if (typeof process === "object" && process.versions?.node !== undefined) {
    return WebAssembly.compile(await process.getBuiltinModule("node:fs/promises").readFile(binary));
  }
  return WebAssembly.compile(await (await fetch(binary)).arrayBuffer());
}

/** A quantizer with the scalar kernels of cpp/core/scalar, built without SIMD. */
export async function loadOracle(): Promise<Channelwise> {
  const { default: createModule } = await import(/* @vite-ignore */ glue.href);
  const module = await compileOracle();
  const moduleArguments: ModuleArguments & { wasm: WebAssembly.Module } = {
    // Emscripten's minimal runtime takes the module, and the other one the function.
    wasm: module,
    instantiateWasm(imports, done) {
      WebAssembly.instantiate(module, imports as WebAssembly.Imports).then((instance) => done(instance, module));
      return {};
    },
  };
  return createChannelwise(await createModule(moduleArguments));
}
