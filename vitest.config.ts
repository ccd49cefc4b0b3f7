import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { chromiumPath } from "./scripts/setup.mjs";
import { installedBrowsers } from "./tests/engines/browsers.js";
import { installed, savedFile } from "./tests/engines/provider.js";
import { chromiumArguments, fileServer } from "./tests/packaging/browser.js";

/** Playwright looks for its own browser where there is none in the path. */
const executablePath = chromiumPath();

/** A limit for tests that hang, in milliseconds. It is so long that no slow machine reaches it. */
const longest = 20 * 60_000;
/** What all projects have. */
const common = {
  ...{ testTimeout: longest, hookTimeout: longest, teardownTimeout: longest },
  setupFiles: ["tests/same-bytes.ts", "tests/put-back.ts"],
};

/**
 * Files follow one another in the processes of Node, and share what they import: to start a process for each and to
 * import the library anew takes a second of a processor. They must put back what they change outside of themselves.
 */
const inOneProcess = { isolate: false };

/** The specs with a process of their own: they load native code, or see the library before it is loaded. */
const specsAlone = ["tests/lib/{ggml/blocks,gguf/elements}.node.spec.ts", "tests/lib/load-first.spec.ts"];

/**
 * Emscripten's glue mistakes the `exports` that Vitest gives a transformed module for those of CommonJS. The built
 * package runs as it is.
 */
const asBuilt = { deps: { external: [/\/build\/wasm-release\//, /\/dist\//] } };

/** The specs of the library that do not need Node. */
const librarySpecs = { include: ["tests/lib/**/*.spec.ts"], exclude: ["tests/lib/**/*.node.spec.ts"] };

/**
 * The specs of the library that may fail in Chromium and pass in Node: those of loading, workers, memory, blobs,
 * streams and private folders, and one that compares results bit for bit. All others would run the same WebAssembly and
 * TypeScript again.
 */
const chromiumSpecs = [
  "tests/lib/**/*.browser.spec.ts",
  "tests/lib/{load,load-first,changing-arrays,memory,parallel,parallel-workers,shared-memory}.spec.ts",
  "tests/lib/files/{blobs,npz,open-model,quantize-model,sinks}.spec.ts",
  "tests/lib/onnx/model-files.spec.ts",
  "tests/engines/results.browser.spec.ts",
];

/**
 * Pages are cross-origin isolated, so that they can share memory with workers. The packaging tests have pages that are
 * not.
 */
const isolated = {
  headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
};

/** A function, because Vitest writes into these options for each project. */
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
      // The last argument is for tests that collect garbage.
      args: [...chromiumArguments, "--js-flags=--expose-gc"],
    },
  }),
});

/** The file that tests/engines/results.browser.spec.ts compares with. */
const resultsOfNode = "tests/engines/results-of-node.ts";

const otherEngines: TestProjectConfiguration[] = [
  {
    // The page as any host serves it, without special headers.
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
      ...common,
      browser: { ...inInstalledBrowsers(), viewport: { width: 1300, height: 1000 }, commands: { savedFile } },
    },
  },
  {
    server: isolated,
    test: { name: "browsers", ...librarySpecs, ...common, browser: inInstalledBrowsers() },
  },
];

export default defineConfig({
  test: {
    // The default leaves one core to Vitest itself: with two cores, files would wait for each other while browsers
    // draw.
    maxWorkers: "100%",
    projects: [
      ...(installedBrowsers.length > 0 ? otherEngines : []),
      {
        test: {
          name: "node",
          environment: "node",
          include: ["tests/**/*.spec.ts"],
          exclude: ["tests/**/*.browser.spec.ts", "tests/demo/**", ...specsAlone],
          globalSetup: "tests/packaging/packed.ts",
          ...common,
          ...inOneProcess,
          server: asBuilt,
        },
      },
      { test: { name: "node-alone", environment: "node", include: specsAlone, ...common, server: asBuilt } },
      {
        test: {
          name: "page",
          environment: "node",
          include: ["tests/demo/**/*.spec.ts"],
          globalSetup: "tests/demo/page.ts",
          ...common,
          ...inOneProcess,
        },
      },
      {
        server: isolated,
        test: {
          name: "browser",
          include: chromiumSpecs,
          globalSetup: resultsOfNode,
          ...common,
          browser: inChromium(),
        },
      },
      // This takes minutes, like "browsers", and is for npm run test:browsers.
      { server: isolated, test: { name: "browsers-chromium", ...librarySpecs, ...common, browser: inChromium() } },
    ],
  },
});
