// Windows of jsdom with globals of their own, as Jest gives them to tests, with Node's process or without.

import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { JSDOM } from "jsdom";
import { expect, it } from "vitest";
import { readWasm } from "../lib/wasm-file.js";

/** The messages of both ways to load in a window, and the codes that it quantizes. */
async function outcomeIn(globals: object): Promise<Record<string, unknown>> {
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `
        import { load } from "channelwise";
        import { load as loadParallel } from "channelwise/parallel";
        const codes = async (loaded) => [...(await (await loaded).quantize([[127, 1]])).quantized].join();
        const told = (promise) => promise.catch((error) => error.message);
        window.outcome = (async () => ({
          one: await told(codes(load())),
          bytes: await told(codes(load({ wasm }))),
          workers: await told(loadParallel({ workers: 1, wasm }).then(async (parallel) => {
            const result = await codes(parallel);
            parallel.close();
            return result;
          })),
        }))();`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    format: "iife",
    write: false,
  });
  const { window } = new JSDOM("", { runScripts: "outside-only" });
  Object.assign(window, globals, { wasm: await readWasm() });
  window.eval(outputFiles[0].text);
  const outcome = await window.outcome;
  window.close();
  return outcome;
}

it("with Node's process all of it works", async () => {
  expect(await outcomeIn({ process })).toEqual({ one: "127,1", bytes: "127,1", workers: "127,1" });
});

it("without it, what is missing is told, and what to do", async () => {
  expect(await outcomeIn({})).toEqual({
    one: expect.stringMatching(/^there is no DecompressionStream here.*load\(\{ wasm \}\).*channelwise\.wasm$/),
    bytes: "127,1",
    workers: expect.stringMatching(/^there are no workers here: load\(\) of channelwise.*createWorker/),
  });
});
