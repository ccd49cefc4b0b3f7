import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumPath } from "./scripts/setup.mjs";

/** Where there is none in the path, Playwright looks for its own. */
const executablePath = chromiumPath();

/** No test is to know how fast its machine is: in milliseconds, what takes as long as this hangs for good. */
const longest = 20 * 60_000;
const limits = { testTimeout: longest, hookTimeout: longest, teardownTimeout: longest };

export default defineConfig({
  test: {
    // The default leaves one core to Vitest itself: on two, files would wait for each other while browsers draw.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "node",
          environment: "node",
          include: ["tests/**/*.spec.ts"],
          exclude: ["tests/**/*.browser.spec.ts", "tests/demo/**"],
          ...limits,
          // Emscripten's glue takes the `exports` that Vitest gives a transformed module for CommonJS.
          server: { deps: { external: [/\/build\/wasm\//] } },
        },
      },
      {
        test: {
          name: "page",
          environment: "node",
          include: ["tests/demo/**/*.spec.ts"],
          globalSetup: "tests/demo/page.ts",
          ...limits,
        },
      },
      {
        // Cross-origin isolated, for memory to be shared with workers; the packaging tests have pages that are not.
        server: {
          headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
        },
        test: {
          name: "browser",
          include: ["tests/lib/**/*.spec.ts"],
          exclude: ["tests/lib/**/*.node.spec.ts"],
          ...limits,
          browser: {
            enabled: true,
            headless: true,
            connectTimeout: longest,
            screenshotFailures: false,
            instances: [{ browser: "chromium" }],
            provider: playwright({
              launchOptions: {
                timeout: longest,
                ...(executablePath === undefined ? {} : { executablePath }),
                // Containers and continuous integration run as root, without a graphics card and without a network.
                args: [
                  "--no-sandbox",
                  "--disable-gpu",
                  "--disable-quic",
                  "--no-first-run",
                  "--disable-background-networking",
                  "--disable-component-update",
                  "--disable-sync",
                  // For tests that collect garbage when it matters.
                  "--js-flags=--expose-gc",
                ],
              },
            }),
          },
        },
      },
    ],
  },
});
