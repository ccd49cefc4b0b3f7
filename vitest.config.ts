import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { chromiumPath } from "./scripts/setup.mjs";
import { installedBrowsers } from "./tests/engines/browsers.js";
import { installed, savedFile } from "./tests/engines/provider.js";
import { fileServer } from "./tests/packaging/browser.js";

/** Where there is none in the path, Playwright looks for its own. */
const executablePath = chromiumPath();

/** No test is to know how fast its machine is: in milliseconds, what takes as long as this hangs for good. */
const longest = 20 * 60_000;
const limits = { testTimeout: longest, hookTimeout: longest, teardownTimeout: longest };

/** The specs of the library that need no Node. */
const librarySpecs = { include: ["tests/lib/**/*.spec.ts"], exclude: ["tests/lib/**/*.node.spec.ts"] };

/** Cross-origin isolated, for memory to be shared with workers; the packaging tests have pages that are not. */
const isolated = {
  headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
};

/** Made anew for each project, since Vitest writes into it. */
const inInstalledBrowsers = () => ({
  enabled: true,
  headless: true,
  connectTimeout: longest,
  screenshotFailures: false,
  instances: installedBrowsers.map((browser) => ({ browser })),
  provider: installed,
});

const otherEngines: TestProjectConfiguration[] = [
  {
    // The page as any host serves it, with no headers of its own.
    plugins: [
      {
        name: "page",
        configureServer: ({ middlewares }) => void middlewares.use("/page", fileServer("build/tests/page")),
      },
    ],
    test: {
      name: "engines",
      include: ["tests/engines/*.browser.spec.ts", "tests/lib/files/private-file.browser.spec.ts"],
      globalSetup: "tests/engines/setup.ts",
      ...limits,
      browser: { ...inInstalledBrowsers(), viewport: { width: 1300, height: 1000 }, commands: { savedFile } },
    },
  },
  {
    // Minutes long: for npm run test:browsers.
    server: isolated,
    test: { name: "browsers", ...librarySpecs, ...limits, browser: inInstalledBrowsers() },
  },
];

export default defineConfig({
  test: {
    // The default leaves one core to Vitest itself: on two, files would wait for each other while browsers draw.
    maxWorkers: "100%",
    projects: [
      ...(installedBrowsers.length > 0 ? otherEngines : []),
      {
        test: {
          name: "node",
          environment: "node",
          include: ["tests/**/*.spec.ts"],
          exclude: ["tests/**/*.browser.spec.ts", "tests/demo/**"],
          ...limits,
          // Emscripten's glue takes the `exports` that Vitest gives a transformed module for CommonJS.
          server: { deps: { external: [/\/build\/wasm-release\//] } },
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
        server: isolated,
        test: {
          name: "browser",
          ...librarySpecs,
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
