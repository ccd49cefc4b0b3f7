// Builds the whole page into one file, which opens from a disk, a mail or any host.

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Builds the page into one file, ONNX Runtime included.
 *
 * @param {string} file
 */
export async function buildOneFile(file) {
  const { build } = await import("vite");
  const { viteSingleFile } = await import("vite-plugin-singlefile");
  mkdirSync(dirname(file), { recursive: true });
  // It is not beside the file, where others may pack what they find.
  mkdirSync(join(root, "build"), { recursive: true });
  const folder = mkdtempSync(join(root, "build/page-"));
  await build({
    root: join(root, "web/demo"),
    configFile: false,
    publicDir: false,
    mode: "one-file",
    logLevel: "warn",
    build: { outDir: folder, emptyOutDir: true, target: "es2022", modulePreload: false },
    plugins: [workersInside, viteSingleFile()],
    worker: {
      // On a page opened from a disk, browsers do not start a module as a worker.
      format: "iife",
      plugins: () => [workersInside, runtimeInside],
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const page = withPolicy(readFileSync(join(folder, "index.html"), "utf8"));
  writeFileSync(join(folder, "index.html"), page);
  renameSync(join(folder, "index.html"), file);
  rmSync(folder, { recursive: true });
  return { bytes: Buffer.byteLength(page), gzip: gzipSync(page, { level: 9 }).length };
}

/**
 * Puts the code of workers into the code that starts them.
 *
 * @type {import("vite").Plugin}
 */
const workersInside = {
  name: "workers-inside",
  enforce: "pre",
  transform(code) {
    /** @type {string[]} */
    const imports = [];
    const changed = code.replace(
      /new Worker\(new URL\(("[^"]+"), import\.meta\.url\), \{ type: "module" \}\)/g,
      (_, path) => {
        imports.push(`import WorkerInside${imports.length} from ${path.slice(0, -1)}?worker&inline";`);
        return `new WorkerInside${imports.length - 1}()`;
      },
    );
    return imports.length === 0 ? undefined : { code: [...imports, changed].join("\n"), map: null };
  },
};

/**
 * Puts ONNX Runtime's wasm into the worker that runs models, compressed to a quarter of its 14 MB. It is inflated
 * synchronously, since a worker that waits while it starts misses messages.
 *
 * @type {import("vite").Plugin}
 */
const runtimeInside = {
  name: "runtime-inside",
  enforce: "pre",
  load(id) {
    const [file, query] = id.split("?");
    if (query !== "url" || !file.endsWith("ort-wasm-simd-threaded.wasm")) return undefined;
    const packed = JSON.stringify(gzipSync(readFileSync(file), { level: 9 }).toString("base64"));
    return `import { gunzipSync } from "fflate";
      const packed = Uint8Array.from(atob(${packed}), (character) => character.charCodeAt(0));
      export default URL.createObjectURL(new Blob([gunzipSync(packed)], { type: "application/wasm" }));`;
  },
  transform(code, id) {
    if (!id.includes("onnxruntime-web")) return undefined;
    // This is where it looks for the wasm by default.
    const changed = code.replaceAll(
      'new URL("ort-wasm-simd-threaded.wasm",import.meta.url)',
      'new URL("data:application/wasm,")',
    );
    return { code: changed, map: null };
  },
};

/**
 * Allows the page its own script and style, identified by hashes, workers made of its own code, and WebAssembly.
 *
 * @param {string} page
 */
function withPolicy(page) {
  const hashes = (/** @type {string} */ tag) =>
    [...page.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, "g"))]
      .map(([, contents]) => `'sha256-${createHash("sha256").update(contents).digest("base64")}'`)
      .join(" ");
  const policy = [
    "default-src 'none'",
    `script-src ${hashes("script")} 'wasm-unsafe-eval' blob:`,
    `style-src ${hashes("style")}`,
    "img-src blob: data:",
    "worker-src blob:",
    "connect-src blob: data:",
    "base-uri 'none'",
    "form-action 'none'",
    "object-src 'none'",
  ].join("; ");
  return page.replace(
    '<meta charset="utf-8" />',
    `$&\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
  );
}
