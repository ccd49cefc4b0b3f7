// Builds the library into dist/: the wasm and its glue (CMake, Emscripten) and the TypeScript (tsc). Run as a command,
// it also sets up what is missing and prints the sizes. --tests adds what the tests need; --native builds only the
// native tests.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { setupForBuild } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
/**
 * Records what dist/ was built from for the tests. It does not exist during a build, or after one that was not for the
 * tests.
 */
const builtFrom = join(root, "build/built-from.txt");

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

/**
 * Configures and builds a preset of CMakePresets.json. On failure it prints the first error in full, on success
 * nothing.
 * @param {string} preset
 * @param {string[]} [definitions]
 */
function cmake(preset, definitions = []) {
  execFileSync("cmake", ["--preset", preset, ...definitions], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const parallel = String(availableParallelism());
  run("cmake", ["--build", "--preset", preset, "--parallel", parallel, "--", "--no-print-directory", "-s"]);
}

/**
 * The modules that are shipped: their names in the build, the folder of dist/ with the code that loads them, and the
 * source of their glue, where they have one.
 * @type {{ name: string, folder: string, source?: string }[]}
 */
const modules = [
  { name: "channelwise", folder: "core/wasm", source: "cpp/bindings.cpp" },
  { name: "blocks", folder: "storage/ggml", source: "cpp/block_bindings.cpp" },
  { name: "embeddings", folder: "embeddings" },
];
/** The modules that are also shipped as files. */
const wasmFiles = ["channelwise.wasm", "embeddings.wasm"];

/**
 * Builds the modules and their glue in build/wasm-release, and for the tests oracle.{js,wasm}. With `debug`, also
 * builds modules that check themselves, in build/wasm-debug. Returns the folder of the modules to ship.
 */
function buildWasm({ tests = false, debug = false } = {}) {
  cmake("wasm-release", [`-DCHANNELWISE_ORACLE=${tests ? "ON" : "OFF"}`]);
  if (debug) cmake("wasm-debug");
  return join(root, debug ? "build/wasm-debug" : "build/wasm-release");
}

/** Builds the native tests of the kernels, with sanitizers, in build/native-asan. */
function buildNative() {
  cmake("native-asan");
}

/**
 * Removes from the glue its exports for CommonJS and AMD, at which bundlers would warn, and its own ways to read the
 * binary, which the loader replaces. Minifies the rest: half the size after gzip.
 * @param {string} code
 * @param {string} source
 */
async function shakenGlue(code, source) {
  const { rollup } = await import("rollup");
  const { transform } = await import("esbuild");
  const absent = ["module", "exports", "define", "window", "importScripts", "document", "process", "XMLHttpRequest"];
  const define = Object.fromEntries(absent.map((name) => [name, "undefined"]));
  const withoutFetch = code
    // This is what Emscripten 3.1.6 does without instantiateWasm. Everything it calls is then unused.
    .replace("instantiateAsync().catch(readyPromiseReject);", "")
    // Its minimal runtime does not know instantiateWasm, and takes what that gives.
    .replace('WebAssembly.instantiate(Module["wasm"],imports).then(', 'Module["instantiateWasm"](imports,');
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
  const banner = `// Made by Emscripten from channelwise's ${source}.`;
  return (await transform(output[0].code, { minify: true, target: "es2022", banner })).code;
}

/** Empties dist/, because files of an earlier version would be published too. Files that tsc does not copy stay. */
export function emptyDist() {
  rmSync(builtFrom, { force: true });
  rmSync(dist, { recursive: true, force: true });
  const ofModules = modules.flatMap(({ folder, source }) => [
    ...(source === undefined ? [] : [`${folder}/glue.d.ts`]),
    `${folder}/embedded.d.ts`,
  ]);
  for (const name of [...ofModules, "workers/worker-code.d.ts"]) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    copyFileSync(join(root, "web/lib", name), join(dist, name));
  }
}

/** Compiles the C++ and puts the modules into dist/ as JavaScript that contains them, and some also as files. */
export async function addWasm({ tests = false, debug = false } = {}) {
  const built = buildWasm({ tests, debug });
  for (const { name, folder, source } of modules) {
    if (source !== undefined) {
      const glue = await shakenGlue(readFileSync(join(built, `${name}.js`), "utf8"), source);
      writeFileSync(join(dist, folder, "glue.js"), glue);
    }
    writeFileSync(join(dist, folder, "embedded.js"), await embedded(join(built, `${name}.wasm`), debug ? 1 : 100));
  }
  for (const file of wasmFiles) copyFileSync(join(built, file), join(dist, file));
}

/**
 * JavaScript that carries a module as unpack-wasm.ts takes it.
 * @param {string} file
 * @param {number} iterations of zopfli: the more, the smaller it becomes and the longer it takes
 */
async function embedded(file, iterations) {
  const { kindCount, eachByte } = await importTypeScript("web/lib/core/wasm/wasm-bytes.ts");
  const { textOf } = await importTypeScript("web/lib/core/wasm/text.ts");
  const binary = readFileSync(file);
  /** @type {number[][]} */
  const kinds = Array.from({ length: kindCount }, () => []);
  let at = 0;
  eachByte(binary.length, (/** @type {number} */ kind, /** @type {Uint8Array | undefined} */ recent) => {
    const byte = binary[at++];
    kinds[kind].push(recent ? recent.indexOf(byte) : byte);
    return byte;
  });
  const sorted = `${file}.sorted`;
  writeFileSync(sorted, Buffer.from(kinds.flat()));
  const deflated = execFileSync("zopfli", ["--deflate", `--i${iterations}`, "-c", sorted]);
  const starts = kinds.map((_, kind) => kinds.slice(0, kind).flat().length);
  const packed = { starts, deflated: textOf(deflated) };
  return `export const packedWasm = ${JSON.stringify(packed)};\n`;
}

/** Imports a file of TypeScript that imports none itself. @param {string} file */
async function importTypeScript(file) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({ entryPoints: [join(root, file)], write: false });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

/** Puts the code of a worker into dist/, as a string in JavaScript. It needs the rest of the library there. */
export async function addWorkerCode() {
  const code = await bundled('import { serve } from "./worker.js"; serve();', "iife");
  writeFileSync(
    join(dist, "workers/worker-code.js"),
    `export const workerCode = ${JSON.stringify(code.toString())};\n`,
  );
}

/**
 * Bundles and minifies code with everything it imports from dist/.
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

/** The size of each entry, bundled and minified, in bytes after gzip. */
export async function gzipSizes() {
  /** @type {Record<string, number>} */
  const sizes = {};
  for (const [name, file] of Object.entries({
    channelwise: "index.js",
    "channelwise/slim": "slim.js",
    "channelwise/parallel": "parallel.js",
    "channelwise/worker": "worker.js",
    "channelwise/npy": "npy.js",
    "channelwise/text": "text.js",
    "channelwise/models": "models.js",
    "channelwise/embeddings": "embeddings.js",
    "channelwise/recall": "recall.js",
    "channelwise/profiles": "profiles.js",
    "channelwise/balance": "balance.js",
  })) {
    sizes[name] = gzipSync(await bundled(`export * from "./${file}";`, "esm"), { level: 9 }).length;
  }
  for (const file of wasmFiles) {
    sizes[`channelwise/${file}`] = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
  }
  return sizes;
}

/**
 * The size of channelwise/models where a bundler splits it, in bytes after gzip: the part that is loaded at once, and
 * what the first file of each format adds. Formats share chunks, so two of them add less than the sum.
 */
export async function chunkSizes() {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(dist, "models.js")],
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "chunks",
    write: false,
    metafile: true,
  });
  const { outputs } = metafile;
  const bytesOf = (/** @type {string} */ chunk) => {
    const file = outputFiles.find(({ path }) => path === join(root, chunk));
    return gzipSync(/** @type {{ contents: Uint8Array }} */ (file).contents, { level: 9 }).length;
  };
  /** @type {(chunk: string, known?: Set<string>) => Set<string>} */
  const loadedWith = (chunk, known = new Set()) => {
    if (known.has(chunk)) return known;
    known.add(chunk);
    for (const { path, kind } of outputs[chunk].imports) if (kind === "import-statement") loadedWith(path, known);
    return known;
  };
  const atOnce = loadedWith("chunks/models.js");
  const total = (/** @type {Iterable<string>} */ chunks) => [...chunks].reduce((sum, chunk) => sum + bytesOf(chunk), 0);
  /** @type {Record<string, number>} */
  const sizes = { "at once": total(atOnce) };
  for (const [chunk, { entryPoint = "" }] of Object.entries(outputs)) {
    const format = /\bformats\/(\w+)\//.exec(entryPoint)?.[1];
    if (format) sizes[format] = total([...loadedWith(chunk)].filter((each) => !atOnce.has(each)));
  }
  return sizes;
}

/** @param {Record<string, number>} sizes in bytes */
function printSizes(sizes) {
  for (const [name, bytes] of Object.entries(sizes)) {
    console.log(`  ${name.padEnd(30)}${(bytes / 1000).toFixed(1).padStart(6)} KB`);
  }
}

/**
 * Builds everything that is published. With `tests`, also builds what only the tests need; with `debug`, uses modules
 * that check themselves (the preset wasm-debug), which is for tests alone.
 */
export async function build({ tests = false, debug = false } = {}) {
  emptyDist();
  await addWasm({ tests, debug });
  const tsc = (/** @type {string} */ project) =>
    run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", project]);
  tsc("web/lib");
  await addWorkerCode();
  tsc("web/cli");
  if (tests) writeFileSync(builtFrom, hashOfSources({ debug }));
  console.log("Size of each entry, minified and gzipped:");
  printSizes(await gzipSizes());
  console.log("Of channelwise/models, what is loaded at once, and what a format adds when it is needed:");
  printSizes(await chunkSizes());
}

/** Builds for the tests, unless that was done from the same sources. */
export async function buildIfStale({ debug = false } = {}) {
  const isFresh = existsSync(builtFrom) && readFileSync(builtFrom, "utf8") === hashOfSources({ debug });
  if (!isFresh) await build({ tests: true, debug });
}

/** A hash of all sources of the build for the tests. */
function hashOfSources({ debug = false }) {
  const hash = createHash("sha256").update(debug ? "debug" : "release");
  const folders = ["cpp", "web/lib", "web/cli"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  const files = ["CMakeLists.txt", "CMakePresets.json", "package-lock.json", "scripts/build.mjs", "tsconfig.json"];
  for (const file of [...files, ...folders.sort()]) {
    if (statSync(join(root, file)).isFile()) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setupForBuild();
  if (process.argv.includes("--native")) buildNative();
  else await build({ tests: process.argv.includes("--tests") });
}
