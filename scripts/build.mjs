// Builds the library into dist/: the wasm and its glue (CMake, Emscripten), the TypeScript (tsc), and joins them.
// Run by itself, it sets up what is missing and prints the sizes.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { setupForBuild } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wasmBuild = join(root, "build/wasm");
const dist = join(root, "dist");

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(command, args, env = process.env) {
  execFileSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env });
}

/** Configures and builds with CMake; the first error is shown in full, success is quiet. */
function cmake(/** @type {string} */ folder, /** @type {string[]} */ definitions, env = process.env) {
  if (!existsSync(join(folder, "CMakeCache.txt")) || definitions.length > 0) {
    run("cmake", ["-S", ".", "-B", folder, "--log-level=WARNING", ...definitions], env);
  }
  run(
    "cmake",
    ["--build", folder, "--parallel", String(availableParallelism()), "--", "--no-print-directory", "-s"],
    env,
  );
}

/** Builds build/wasm/channelwise.{js,wasm}, and for the tests oracle.{js,wasm}. */
export function buildWasm({ oracle = false } = {}) {
  const emscripten = execFileSync("em-config", ["EMSCRIPTEN_ROOT"], { encoding: "utf8" }).trim();
  // Debian's Emscripten links only if `node` finds Debian's acorn, which a Node from elsewhere does not by itself.
  const debianModules = "/usr/share/nodejs";
  const env = existsSync(debianModules) ? { ...process.env, NODE_PATH: debianModules } : process.env;
  cmake(
    wasmBuild,
    [
      "-DCMAKE_BUILD_TYPE=Release",
      `-DCMAKE_TOOLCHAIN_FILE=${emscripten}/cmake/Modules/Platform/Emscripten.cmake`,
      `-DCHANNELWISE_ORACLE=${oracle ? "ON" : "OFF"}`,
    ],
    env,
  );
}

/** Builds the kernels' native tests in build/native. */
export function buildNative() {
  cmake(join(root, "build/native"), ["-DCMAKE_BUILD_TYPE=RelWithDebInfo"]);
}

/**
 * The glue without its exports for CommonJS and AMD, at which bundlers would warn, and without its own ways to read the
 * binary, which the loader brings; minified. Half the size after gzip.
 * @param {string} code
 */
async function shakenGlue(code) {
  const { rollup } = await import("rollup");
  const { transform } = await import("esbuild");
  const absent = ["module", "exports", "define", "window", "importScripts", "document", "process", "XMLHttpRequest"];
  const define = Object.fromEntries(absent.map((name) => [name, "undefined"]));
  // What Emscripten 3.1.6 does where it is given no instantiateWasm. All that it calls is then unused.
  const withoutFetch = code.replace("instantiateAsync().catch(readyPromiseReject);", "");
  const bundle = await rollup({
    input: "glue",
    plugins: [
      {
        name: "glue",
        resolveId: (id) => id,
        load: async () => (await transform(withoutFetch, { define, target: "es2022" })).code,
      },
    ],
    treeshake: { propertyReadSideEffects: false, unknownGlobalSideEffects: false },
  });
  const { output } = await bundle.generate({ format: "es" });
  const banner = "// Made by Emscripten from channelwise's cpp/bindings.cpp.";
  return (await transform(output[0].code, { minify: true, target: "es2022", banner })).code;
}

/** Builds dist/ from web/lib and build/wasm. */
export async function buildLibrary() {
  // What an earlier version left there would be published too.
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "web/lib"]);
  // tsc does not copy the declarations that are written by hand.
  for (const name of ["core/glue.d.ts", "core/embedded.d.ts", "workers/worker-code.d.ts"])
    copyFileSync(join(root, "web/lib", name), join(dist, name));
  writeFileSync(join(dist, "core/glue.js"), await shakenGlue(readFileSync(join(wasmBuild, "channelwise.js"), "utf8")));
  copyFileSync(join(wasmBuild, "channelwise.wasm"), join(dist, "channelwise.wasm"));
  const deflated = deflateRawSync(readFileSync(join(dist, "channelwise.wasm")), {
    level: constants.Z_BEST_COMPRESSION,
  });
  writeFileSync(join(dist, "core/embedded.js"), `export const deflatedWasm = "${deflated.toString("base64")}";\n`);
  const code = await bundled('import { serve } from "./worker.js"; serve();', "iife");
  writeFileSync(
    join(dist, "workers/worker-code.js"),
    `export const workerCode = ${JSON.stringify(code.toString())};\n`,
  );
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "web/cli"]);
}

/**
 * Code with all that it imports from dist/, minified.
 * @param {string} code
 * @param {"esm" | "iife"} format
 */
async function bundled(code, format) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: dist },
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    write: false,
  });
  return Buffer.from(/** @type {{ contents: Uint8Array }} */ (outputFiles[0]).contents);
}

/** What users download, in bytes after gzip: each entry bundled and minified. */
export async function gzipSizes() {
  /** @type {Record<string, number>} */
  const sizes = {};
  for (const [name, file] of Object.entries({
    channelwise: "index.js",
    "channelwise/slim": "slim.js",
    "channelwise/parallel": "parallel.js",
    "channelwise/worker": "worker.js",
    "channelwise/npy": "npy.js",
    "channelwise/models": "models.js",
  })) {
    sizes[name] = gzipSync(await bundled(`export * from "./${file}";`, "esm"), { level: 9 }).length;
  }
  sizes["channelwise/channelwise.wasm"] = gzipSync(readFileSync(join(dist, "channelwise.wasm")), { level: 9 }).length;
  return sizes;
}

/** Builds everything that is published; with `tests`, also what only the tests need. */
export async function build({ tests = false } = {}) {
  buildWasm({ oracle: tests });
  await buildLibrary();
  console.log("Size of each entry, minified and gzipped:");
  for (const [name, bytes] of Object.entries(await gzipSizes())) {
    console.log(`  ${name.padEnd(30)}${(bytes / 1000).toFixed(1).padStart(6)} KB`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setupForBuild();
  await build();
}
