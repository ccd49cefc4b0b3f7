// npm run bench:browser: the benchmark in Chromium, on the main thread of a page, and the page of web/demo with large
// files. Options as in Node.

import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { createServer } from "vite";
import { chromiumPath } from "../setup.mjs";
import { options, report } from "./command-line.mjs";
import { build, machine } from "./library.mjs";
import { onnxModels } from "./onnx-models.mjs";
import { measurePage } from "./page.mjs";

build();
const server = await createServer({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  configFile: false,
  logLevel: "error",
  optimizeDeps: { noDiscovery: true },
  // In an isolated page the clock has a resolution of 5 microseconds instead of 100.
  server: {
    host: "127.0.0.1",
    port: 0,
    hmr: false,
    watch: null,
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
  },
});
await server.listen();
const executablePath = chromiumPath();
const browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.on("console", (message) => process.stderr.write(`${message.text()}\n`));
  await page.goto(`${server.resolvedUrls?.local[0]}scripts/bench/page.html`);
  const measured = await page.evaluate(
    async (given) => {
      const address = "/scripts/bench/suite.mjs";
      /** @type {typeof import("./suite.mjs")} */
      const { measure } = await import(address);
      return measure(given);
    },
    { ...options, models: await onnxModels() },
  );
  const where = `Chromium ${browser.version()}, ${machine()}`;
  await browser.close();
  report(measured, where, await measurePage(options));
} finally {
  await browser.close();
  await server.close();
}
