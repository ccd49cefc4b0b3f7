import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import type { Browser } from "playwright";
import { rollup } from "rollup";
import * as vite8 from "vite";
import * as vite7 from "vite7";
import { afterAll, beforeAll, expect, test } from "vitest";
import webpack from "webpack";
import { contentSecurityPolicy, contentSecurityPolicyForWorkers, launchChromium, outcomeOf, serve } from "./browser.js";
import { createProject, type Project } from "./project.js";
import { sample } from "./sample.js";

let project: Project;
let browser: Browser;

beforeAll(async () => {
  project = createProject();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  project?.remove();
});

const everywhere = { page: sample, worker: sample, file: sample, parallel: sample, ownWorkers: sample };

async function outcomeOfFolder(folder: string, policy = contentSecurityPolicyForWorkers): Promise<unknown> {
  const server = await serve(folder, policy);
  try {
    return await outcomeOf(browser, server.url);
  } finally {
    await server.close();
  }
}

const vites = [
  { name: "Vite 7", vite: vite7 as unknown as typeof vite8 },
  { name: "Vite 8", vite: vite8 },
];

test.for(vites)("$name serves it in development", async ({ vite }) => {
  const server = await vite.createServer({
    root: project.folder,
    configFile: false,
    logLevel: "silent",
    cacheDir: `.vite-${vite.version}`,
    server: { host: "127.0.0.1", port: 0, headers: { "Content-Security-Policy": contentSecurityPolicyForWorkers } },
  });
  try {
    await server.listen();
    expect(await outcomeOf(browser, server.resolvedUrls?.local[0] ?? "")).toEqual(everywhere);
  } finally {
    await server.close();
  }
});

test.for(vites)("$name builds it", async ({ vite }) => {
  const outDir = join(project.folder, `vite-${vite.version}`);
  const warnings: unknown[] = [];
  const logger = vite.createLogger("silent");
  logger.warn = (message) => warnings.push(message);
  await vite.build({
    root: project.folder,
    configFile: false,
    customLogger: logger,
    logLevel: "silent",
    build: { outDir },
  });
  expect(warnings).toEqual([]);
  expect(await outcomeOfFolder(outDir)).toEqual(everywhere);
});

test("webpack 5 builds it", async () => {
  const outDir = join(project.folder, "webpack");
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    webpack(
      {
        context: project.folder,
        mode: "production",
        entry: "./page.js",
        output: { path: outDir, filename: "page.js" },
        // Terser takes half of the time of this spec, and Vite makes the code small as well. Without it webpack warns
        // of sizes, which tarball.node.spec.ts measures.
        optimization: { minimize: false },
        performance: { hints: false },
      },
      (error, result) => (error ? reject(error) : resolve(result)),
    );
  });
  const { errors, warnings } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  // webpack's output is a classic script, and looks for its chunks beside the running script.
  const html = readFileSync(join(project.folder, "index.html"), "utf8").replace('type="module"', "defer");
  writeFileSync(join(outDir, "index.html"), html);
  expect(await outcomeOfFolder(outDir)).toEqual(everywhere);
});

test("esbuild bundles it", async () => {
  const outDir = join(project.folder, "esbuild");
  const { warnings } = await esbuild.build({
    absWorkingDir: project.folder,
    entryPoints: ["page.js", "worker.js", "pool-worker.js"],
    bundle: true,
    format: "esm",
    outdir: outDir,
    logLevel: "silent",
  });
  expect(warnings).toEqual([]);
  cpSync(join(project.folder, "index.html"), join(outDir, "index.html"));
  expect(await outcomeOfFolder(outDir)).toEqual(everywhere);
  // A policy that forbids WebAssembly proves that policies are in force.
  await expect(outcomeOfFolder(outDir, "script-src 'self'")).rejects.toThrow("Content Security Policy");
});

test("Rollup bundles it", async () => {
  const outDir = join(project.folder, "rollup");
  const warnings: string[] = [];
  const bundle = await rollup({
    input: ["page.js", "worker.js", "pool-worker.js"].map((file) => join(project.folder, file)),
    plugins: [nodeResolve()],
    onwarn: ({ message }) => warnings.push(message),
  });
  await bundle.write({ dir: outDir });
  await bundle.close();
  expect(warnings).toEqual([]);
  cpSync(join(project.folder, "index.html"), join(outDir, "index.html"));
  expect(await outcomeOfFolder(outDir)).toEqual(everywhere);
});

test("an import map loads it, and the slim entry with every form of its binary", async () => {
  const html = readFileSync(join(project.folder, "no-bundler.html"), "utf8");
  const importMap = /<script type="importmap">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
  const hash = createHash("sha256").update(importMap).digest("base64");
  const server = await serve(project.folder, `${contentSecurityPolicy} 'sha256-${hash}'`);
  try {
    expect(await outcomeOf(browser, `${server.url}no-bundler.html`, /blob:/)).toEqual({
      page: sample,
      file: sample,
      slim: Array(5).fill([1, -2, 4, 127]),
      refused: expect.stringMatching(/could not start its workers.*worker-src.*createWorker.*channelwise\/worker/),
      ownWorkers: sample,
    });
  } finally {
    await server.close();
  }
});
