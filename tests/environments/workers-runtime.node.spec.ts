// Cloudflare's runtime, which compiles WebAssembly only when code is deployed.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { Miniflare } from "miniflare";
import { expect, it } from "vitest";
import { wasmAddress } from "../lib/wasm-file.js";
import { sample } from "../packaging/sample.js";

/** The answer of a worker with this code. */
async function answerOf(code: string): Promise<unknown> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    format: "esm",
    // Cloudflare's own bundler also finds the module by its ending.
    external: ["*.wasm"],
    write: false,
  });
  const runtime = new Miniflare({
    compatibilityDate: "2026-04-01",
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: outputFiles[0].text },
      { type: "CompiledWasm", path: "channelwise/channelwise.wasm", contents: readFileSync(wasmAddress) },
    ],
  });
  try {
    return await (await runtime.dispatchFetch("http://localhost/")).json();
  } finally {
    await runtime.dispose();
  }
}

it("slim quantizes there with the compiled module", async () => {
  const rows = JSON.stringify([
    [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -127],
    [2.0521684, 1.6885953, -1.6885953, 0, 0, 0, 0, 0],
  ]);
  const answer = await answerOf(`
    import { load } from "channelwise/slim";
    import module from "./channelwise/channelwise.wasm";
    export default {
      async fetch() {
        const channelwise = await load({ wasm: module });
        const { quantized } = channelwise.quantize(${rows}.map((row) => Float32Array.from(row)));
        return Response.json([...quantized]);
      },
    };`);
  expect(answer).toEqual(sample.quantized);
});

it("the other entries say in one sentence what to use instead", async () => {
  const answer = await answerOf(`
    import { load } from "channelwise";
    import { load as loadParallel } from "channelwise/parallel";
    const told = (promise) => promise.then(() => "loaded", (error) => error.message);
    export default {
      fetch: async () => Response.json([await told(load()), await told(load()), await told(loadParallel())]),
    };`);
  const sentence =
    /^WebAssembly may not be compiled here \(.*\): .*load\(\{ wasm: module \}\) of channelwise\/slim;[^.]*$/;
  expect(answer).toEqual([
    expect.stringMatching(sentence),
    expect.stringMatching(sentence),
    expect.stringMatching(/of channelwise\/slim|no workers here: load\(\) of channelwise/),
  ]);
});
