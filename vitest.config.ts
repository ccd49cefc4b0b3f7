import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { chromiumPath } from "./scripts/setup.mjs";
import { installedBrowsers } from "./tests/engines/browsers.js";
import { installed, savedFile } from "./tests/engines/provider.js";
import { chromiumArguments, fileServer } from "./tests/packaging/browser.js";

/** Where there is none in the path, Playwright looks for its own. */
const executablePath = chromiumPath();

/** No test is to know how fast its machine is: in milliseconds, what takes as long as this hangs for good. */
const longest = 20 * 60_000;
const limits = { testTimeout: longest, hookTimeout: longest, teardownTimeout: longest };

/** The specs of the library that need no Node. */
const librarySpecs = { include: ["tests/lib/**/*.spec.ts"], exclude: ["tests/lib/**/*.node.spec.ts"] };

/**
 * The specs of the library that Chromium may fail and Node pass: of loading, workers, memory, blobs, streams and folders of
 * the browser's own, and one of results, bit for bit. All others ask the same of the same WebAssembly and TypeScript.
 */
const chromiumSpecs = [
  "tests/lib/**/*.browser.spec.ts",
  "tests/lib/{load,load-first,changing-arrays,memory,parallel,parallel-workers,shared-memory}.spec.ts",
  "tests/lib/files/{blobs,npz,open-model,quantize-model,sinks}.spec.ts",
  "tests/lib/onnx/model-files.spec.ts",
  "tests/engines/results.browser.spec.ts",
];

/** Cross-origin isolated, for memory to be shared with workers; the packaging tests have pages that are not. */
const isolated = {
  headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
};

/** These are made anew for each project, since Vitest writes into them. */
const inInstalledBrowsers = () => ({
  enabled: true,
  headless: true,
  connectTimeout: longest,
  screenshotFailures: false,
  instances: installedBrowsers.map((browser) => ({ browser })),
  provider: installed,
});

const inChromium = () => ({
  enabled: true,
  headless: true,
  connectTimeout: longest,
  screenshotFailures: false,
  instances: [{ browser: "chromium" as const }],
  provider: playwright({
    launchOptions: {
      timeout: longest,
      ...(executablePath === undefined ? {} : { executablePath }),
      // The last is for tests that collect garbage when it matters.
      args: [...chromiumArguments, "--js-flags=--expose-gc"],
    },
  }),
});

/** What tests/engines/results.browser.spec.ts expects. */
const resultsOfNode = "tests/engines/results-of-node.ts";

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
      globalSetup: [resultsOfNode, "tests/demo/page.ts"],
      ...limits,
      browser: { ...inInstalledBrowsers(), viewport: { width: 1300, height: 1000 }, commands: { savedFile } },
    },
  },
  {
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
          include: chromiumSpecs,
          globalSetup: resultsOfNode,
          ...limits,
          browser: inChromium(),
        },
      },
      // Minutes long, as "browsers" is: for npm run test:browsers.
      { server: isolated, test: { name: "browsers-chromium", ...librarySpecs, ...limits, browser: inChromium() } },
    ],
  },
});
