import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** No script but the page's own, no connection to anywhere else; WebAssembly is the one thing it needs beyond itself. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "worker-src 'self'",
  "connect-src 'self'",
].join("; ");

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

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
  },
  worker: { format: "es" },
  preview: { host: "127.0.0.1", headers: { "Content-Security-Policy": contentSecurityPolicy } },
  plugins: [
    {
      // For hosts that send no headers; not while developing, where Vite's own inline script is needed.
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
