// The programs of docs/examples, as they are, with the packed tarball.

import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { Miniflare } from "miniflare";
import type { Browser } from "playwright";
import * as vite from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { launchChromium, newPage, serve } from "./browser.js";
import { createProject, type Project } from "./project.js";

const examples = fileURLToPath(new URL("../../docs/examples", import.meta.url));

let project: Project;
let browser: Browser;

beforeAll(async () => {
  project = createProject(examples);
  browser = await launchChromium();
  writeFileSync(join(project.folder, "model.safetensors"), model());
});

afterAll(async () => {
  await browser?.close();
  project?.remove();
});

function model(): Uint8Array {
  const weights = Float32Array.from({ length: 64 * 128 }, (_, i) => Math.sin(i));
  return fileOf([{ name: "layer.weight", dtype: "F32", shape: [64, 128], data: weights }]);
}

/** Builds the page of an example with Vite, and opens it. */
async function built(example: string) {
  const outDir = join(project.folder, "built", example);
  await vite.build({ root: join(project.folder, example), configFile: false, logLevel: "silent", build: { outDir } });
  return opened(outDir, "");
}

/** Opens a page of a folder; `close` also ends its server. */
async function opened(folder: string, path: string) {
  const server = await serve(folder, "");
  const page = await newPage(browser);
  await page.goto(`${server.url}${path}`);
  return { page, close: () => Promise.all([page.close(), server.close()]) };
}

test("node-script quantizes a model", () => {
  const run = ["node-script/quantize.js", "model.safetensors", "model-int8.safetensors"];
  const output = execFileSync(process.execPath, run, { cwd: project.folder, encoding: "utf8", env: {} });
  const file = readFileSync(join(project.folder, "model-int8.safetensors"));
  expect(output).toMatch(/^layer\.weight: \d\d\.\d dB\n\d+ bytes became (\d+)\.\n$/);
  expect(output).toContain(`became ${file.length}.`);
});

test("vite-app quantizes a file that is chosen", async () => {
  const { page, close } = await built("vite-app");
  await page.locator("input").setInputFiles(join(project.folder, "model.safetensors"));
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Save it" }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe("model-int8.safetensors");
  const size = readFileSync(await saved.path()).length;
  expect(await page.getByRole("status").textContent()).toBe(`${model().length} bytes became ${size}.`);
  expect(size).toBeLessThan(model().length / 3);
  await close();
});

test("web-worker quantizes in a worker", async () => {
  const { page, close } = await built("web-worker");
  expect(await page.locator("output:not(:empty)").textContent()).toMatch(/^2359296 codes, 768 scales, \d\d\.\d dB$/);
  await close();
});

test("import-map quantizes without a bundler", async () => {
  cpSync(join(project.folder, "import-map/index.html"), join(project.folder, "index.html"));
  const { page, close } = await opened(project.folder, "index.html");
  const [first, second] = [1.27, 2].map((largest) => largest / 127);
  expect(await page.locator("output:not(:empty)").textContent()).toBe(`50 -127 127 16; ${first} ${second}`);
  await close();
});

test("cloudflare-worker answers rows with codes", async () => {
  const wasm = readFileSync(project.resolve("channelwise/channelwise.wasm"));
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(project.folder, "cloudflare-worker/worker.js")],
    bundle: true,
    format: "esm",
    external: ["*.wasm"], // as wrangler does it
    write: false,
  });
  const runtime = new Miniflare({
    compatibilityDate: "2026-04-01",
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: outputFiles[0].text },
      { type: "CompiledWasm", path: "channelwise/channelwise.wasm", contents: wasm },
    ],
  });
  const answer = (body: string) => runtime.dispatchFetch("http://localhost/", { method: "POST", body });
  try {
    expect(await (await answer("[[127, -2, 0.5]]")).json()).toMatchObject({ quantized: [127, -2, 0], scales: [1] });
    const refused = await answer("[[1], [1, 2]]");
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("weights[1] has 2 columns")]);
  } finally {
    await runtime.dispose();
  }
});

// Node 20.19, 22.12 and later load ES modules by require().
test.runIf(process.features.require_module === true)("CommonJS requires every entry", () => {
  const { exports } = JSON.parse(readFileSync(project.resolve("channelwise/package.json"), "utf8"));
  const entries = Object.keys(exports).filter((entry) => !/\.(?:wasm|json)$/.test(entry));
  const code = `
    const kinds = ${JSON.stringify(entries)}.map((entry) => Object.keys(require(entry.replace(".", "channelwise"))).length > 0);
    require("channelwise").load().then((channelwise) =>
      console.log(JSON.stringify([kinds.every(Boolean), [...channelwise.quantize([[127, 0.5]]).quantized]])));`;
  const run = ["--input-type=commonjs", "--eval", code];
  const output = execFileSync(process.execPath, run, { cwd: project.folder, encoding: "utf8", env: {}, stdio: "pipe" });
  expect(JSON.parse(output)).toEqual([true, [127, 0]]);
});

test("the table names every example", () => {
  const folders = readdirSync(examples).filter((name) => name !== "README.md");
  const table = readFileSync(join(examples, "README.md"), "utf8");
  expect(folders.filter((folder) => !table.includes(`[${folder}](${folder}/`))).toEqual([]);
});
