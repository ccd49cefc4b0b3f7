import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/**
 * The policy allows the page's own scripts and WebAssembly, no connection to any other host, and no text that becomes
 * markup or code.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "worker-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  // The policy of trusted-types.ts for workers.
  "trusted-types default",
].join("; ");

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** ONNX Runtime is 14 MB that only people who run models load. */
function isForAll({ fileName }: { fileName: string }): boolean {
  return !/run-worker|ort-wasm/.test(fileName);
}

/** Tells the service worker which files to keep, and gives it a version that changes with any of them. */
const precache: Plugin = {
  name: "precache",
  apply: "build",
  enforce: "post",
  generateBundle(_, bundle) {
    const worker = bundle["service-worker.js"];
    if (worker?.type !== "chunk") throw new Error("the service worker is missing");
    const others = Object.values(bundle).filter((file) => file !== worker);
    const version = createHash("sha256");
    for (const file of others) version.update(file.fileName).update(file.type === "chunk" ? file.code : file.source);
    worker.code = worker.code
      .replace(
        "%FILES%",
        others
          .filter(isForAll)
          .map(({ fileName }) => fileName)
          .join(" "),
      )
      .replace("%VERSION%", version.digest("hex").slice(0, 12));
  },
};

// The service worker, which everybody loads, lists all files: chunks have no names but their hashes. Tests look for the
// one of models.
const assetFileNames = "assets/[name]-[hash:6][extname]";
const ofPage = {
  assetFileNames,
  chunkFileNames: ({ name }: { name: string }) => `assets/${name === "model-view" ? "[name]-" : ""}[hash:6].js`,
};
const ofWorkers = { assetFileNames, chunkFileNames: "assets/[hash:6].js", entryFileNames: "assets/[name]-[hash:6].js" };

export default defineConfig({
  root: at("web/demo"),
  base: "./",
  appType: "mpa",
  publicDir: at("build/public"),
  build: {
    outDir: at("build/page"),
    emptyOutDir: true,
    target: "es2022",
    // The polyfill would be the only inline script.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: at("web/demo/index.html"), "service-worker": at("web/demo/service-worker.ts") },
      output: {
        ...ofPage,
        // The path of a service worker limits what it may answer for.
        entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash:6].js"),
      },
    },
  },
  worker: {
    format: "es",
    rolldownOptions: { output: ofWorkers },
    plugins: () => [
      {
        // Chunks that a worker loads later must not import its entry: WebKit would evaluate it again, with a second
        // listener and without the weights.
        name: "worker-entries",
        options: (options) => ({ ...options, preserveEntrySignatures: "strict" }),
      },
    ],
  },
  preview: { host: "127.0.0.1", headers: { "Content-Security-Policy": contentSecurityPolicy } },
  plugins: [
    precache,
    {
      // Everybody loads the indentation.
      name: "unindent",
      apply: "build",
      transformIndexHtml: { order: "post", handler: (html) => html.replace(/^\s+/gm, "") },
    },
    {
      // For hosts that send no headers. It is left out during development, since Vite needs an inline script.
      name: "content-security-policy",
      apply: "build",
      transformIndexHtml: () => [
        {
          tag: "meta",
          attrs: { "http-equiv": "Content-Security-Policy", content: contentSecurityPolicy },
          injectTo: "head-prepend",
        },
      ],
    },
  ],
});
