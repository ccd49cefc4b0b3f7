import { nodeModule } from "../node-module.js";
import type { WasmSource } from "../types.js";
import createCore, { type Bindings, type ModuleArguments } from "./glue.js";

/** A module with one function that makes a vector and drops it. It is valid only in an engine with SIMD. */
const simdProbe = new Uint8Array([
  0x00,
  0x61,
  0x73,
  0x6d,
  0x01,
  0x00,
  0x00,
  0x00, // magic, version 1
  0x01,
  0x04,
  0x01,
  0x60,
  0x00,
  0x00, // type 0: [] -> []
  0x03,
  0x02,
  0x01,
  0x00, // function 0 has type 0
  0x0a,
  0x09,
  0x01,
  0x07,
  0x00,
  0x41,
  0x00,
  0xfd,
  0x0f,
  0x1a,
  0x0b, // i32.const 0, i8x16.splat, drop
]);

/** Makes an instance of the core. Rejects a module that is not channelwise's. */
export function instantiate(module: WebAssembly.Module): Promise<Bindings> {
  return instantiateWith(createCore, module);
}

/** Makes an instance of a module with its glue from Emscripten. Rejects a module for another glue. */
export async function instantiateWith<B>(
  createModule: (moduleArguments: ModuleArguments) => Promise<B>,
  module: WebAssembly.Module,
): Promise<B> {
  return new Promise<B>((resolve, reject) => {
    createModule({
      // Emscripten's glue loses errors of this callback, and its promise then never settles.
      instantiateWasm(imports, done) {
        WebAssembly.instantiate(module, imports as WebAssembly.Imports)
          .then((instance) => done(instance, module))
          .catch(reject);
        return {};
      },
    }).then(resolve, reject);
  }).catch((cause: unknown) => {
    throw new Error(`wasm is not the WebAssembly of this version of channelwise: ${cause}`, { cause });
  });
}

/** Compiles a WebAssembly binary. Rejects if the binary cannot be loaded. */
export async function compile(wasm: WasmSource): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(simdProbe)) {
    throw new Error(
      "channelwise needs WebAssembly SIMD, which this engine does not have (every engine since 2023 does)",
    );
  }
  // The test is for the tag rather than instanceof, so that an object of another realm, such as a frame, passes.
  const tag = Object.prototype.toString.call(wasm).slice(8, -1);
  if (tag === "WebAssembly.Module") return wasm as WebAssembly.Module;
  const bytes = await bytesOf(wasm, tag);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    if (await canCompile()) throw error;
    throw new Error(
      `WebAssembly may not be compiled here (${error}): where it is compiled when code is deployed, as for Cloudflare Workers, import the module of channelwise/channelwise.wasm and use load({ wasm: module }) of channelwise/slim; in a page, allow 'wasm-unsafe-eval' in its Content-Security-Policy`,
      { cause: error },
    );
  }
}

/** Whether compiling is allowed, tested with a valid module. */
async function canCompile(): Promise<boolean> {
  return WebAssembly.compile(simdProbe).then(
    () => true,
    () => false,
  );
}

async function bytesOf(wasm: WasmSource, tag: string): Promise<BufferSource> {
  if (tag === "ArrayBuffer") return wasm as ArrayBuffer;
  // A copy, since engines refuse some views: a DataView, or one of a SharedArrayBuffer.
  if (ArrayBuffer.isView(wasm)) return new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.byteLength).slice();
  if (tag === "String" || tag === "URL") return read(wasm as string | URL);
  const response = (await wasm) as Response | undefined;
  if (typeof response?.arrayBuffer !== "function") {
    throw new TypeError("wasm must be bytes, a WebAssembly.Module, a Response, or a URL");
  }
  return body(response);
}

async function read(address: string | URL): Promise<BufferSource> {
  // fetch does not read files in Node.
  const files = nodeModule("node:fs/promises");
  return files && String(address).startsWith("file:") ? files.readFile(new URL(address)) : body(await fetch(address));
}

async function body(response: Response): Promise<ArrayBuffer> {
  if (!response.ok) {
    throw new Error(
      `${response.url || "wasm"} could not be fetched: status ${response.status} ${response.statusText}`.trimEnd(),
    );
  }
  return response.arrayBuffer();
}
