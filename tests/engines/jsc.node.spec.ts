import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { load } from "channelwise";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { jscPath } from "../../scripts/setup.mjs";
import { results } from "./results.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

const jsc = jscPath();

it.skipIf(jsc === undefined)("WebKit's JavaScriptCore gives Node's bits", async () => {
  const program = "build/tests/jsc.js";
  await build({
    absWorkingDir: root,
    entryPoints: ["tests/engines/jsc.ts"],
    outfile: program,
    bundle: true,
    format: "esm",
    target: "es2022",
    // Emscripten's code expects a console.
    banner: { js: "globalThis.console = { log: print, warn: print, error: print };" },
  });
  const printed = execFileSync(jsc as string, ["-m", program], { cwd: root, encoding: "utf8" });
  expect(printed.trim().split("\n")).toEqual(results(await load()));
});
