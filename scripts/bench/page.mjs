// The page with large files: the time until it shows something, the rate at which it processes files, the longest task
// of its main thread, which delays clicks, and the memory that the browser takes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { build, preview } from "vite";
import { withPeakMemory } from "../browser-memory.mjs";
import { chromiumPath } from "../setup.mjs";
import { writeSparseModel } from "../sparse-model.mjs";

/** @typedef {import("playwright").Page} Page */

/** The shortest task that browsers report, in milliseconds. Shorter ones are not noticed. */
const LONG = 50;

/**
 * A case, and the figures that it returns by name.
 * @typedef {Record<string, string>} Figures
 * @typedef {(page: Page, folder: string) => Promise<Figures>} Case
 */

/** @param {boolean} quick @returns {Record<string, Case>} */
function cases(quick) {
  const layers = Array.from({ length: quick ? 3 : 24 }, () => [4096, 8192]);
  return {
    "page: 4096 x 4096 .npy": matrix,
    "page: model of 5,000 tensors": (page, folder) =>
      model(
        page,
        folder,
        Array.from({ length: 5000 }, () => [64, 64]),
      ),
    [`page: model of ${gigabytes(layers.length * 4 * 4096 * 8192)}`]: (page, folder) => model(page, folder, layers),
  };
}

/**
 * @param {{ quick: boolean, only: string }} options
 * @returns {Promise<Record<string, Figures>>} by the names of the cases
 */
export async function measurePage({ quick, only }) {
  const wanted = Object.entries(cases(quick)).filter(([name]) => new RegExp(only, "i").test(name));
  if (wanted.length === 0) return {};
  const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));
  await build({ configFile, logLevel: "warn" });
  const server = await preview({ configFile, preview: { port: 0 } });
  try {
    /** @type {Record<string, Figures>} */
    const all = {};
    for (const [name, run] of wanted) {
      all[name] = await inBrowser(/** @type {string} */ (server.resolvedUrls?.local[0]), run);
    }
    return all;
  } finally {
    await server.close();
  }
}

/**
 * Runs a case in a browser of its own, which keeps files on the disk as a person's does.
 * @param {string} url
 * @param {Case} run
 */
async function inBrowser(url, run) {
  const folder = mkdtempSync(join(tmpdir(), "channelwise-page-"));
  const executablePath = chromiumPath();
  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    ...(executablePath ? { executablePath } : {}),
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.locator("#results[aria-busy=false]").waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.evaluate(() => {
      /** @type {number[]} */
      const tasks = [];
      new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
      });
      Object.assign(window, { longTasks: tasks });
    });
    const { result: figures, idle, peak } = await withPeakMemory(() => run(page, folder));
    const longest = await page.evaluate(() => Math.max(0, .../** @type {any} */ (window).longTasks));
    return {
      ...figures,
      "longest task": longest < LONG ? `under ${LONG} ms` : milliseconds(longest),
      memory: `${Math.round((peak - idle) / 1e6)} MB above idle`,
    };
  } finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures from the moment that the page gets the file. @type {Case} */
async function matrix(page, folder) {
  const { writeNpy } = await import("channelwise/npy");
  const side = 4096;
  const file = join(folder, "matrix.npy");
  const weights = Float32Array.from({ length: side * side }, (_, i) => Math.fround(Math.sin(i * 12.9898)));
  writeFileSync(file, writeNpy(weights, [side, side]));
  await page.evaluate(() => {
    const input = /** @type {HTMLInputElement} */ (document.querySelector("#file"));
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".map canvas"));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const drawImage = context.drawImage.bind(context);
    const times = { start: 0, picture: 0, all: 0 };
    Object.assign(window, { times });
    const isOpen = () => document.querySelector("#understood")?.textContent?.startsWith("4096");
    const isBusy = () => /** @type {HTMLElement} */ (document.querySelector("#busy")).hidden === false;
    context.drawImage = (/** @type {any[]} */ ...args) => {
      /** @type {any} */ (drawImage)(...args);
      if (times.picture === 0 && isOpen()) times.picture = performance.now() - times.start;
    };
    const look = () => {
      if (times.picture > 0 && !isBusy()) times.all = performance.now() - times.start;
      else requestAnimationFrame(look);
    };
    input.addEventListener("change", () => {
      times.start = performance.now();
      look();
    });
  });
  await page.locator("#file").setInputFiles(file);
  await page.waitForFunction(() => /** @type {any} */ (window).times?.all > 0);
  const { picture, all } = await page.evaluate(() => /** @type {any} */ (window).times);
  return { "first picture": milliseconds(picture), "all pictures": milliseconds(all) };
}

/**
 * Opens, measures and saves a model.
 * @param {Page} page
 * @param {string} folder
 * @param {number[][]} shapes
 * @returns {Promise<Figures>}
 */
async function model(page, folder, shapes) {
  const file = join(folder, "model.safetensors");
  const bytes = await writeSparseModel(file, shapes);
  // The page gets the handle of a private file, in place of the one from the dialog.
  await page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) =>
      (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
  });
  const opened = await timed(async () => {
    await page.locator("#file").setInputFiles(file);
    await page.locator("#model-heading", { hasText: "model.safetensors" }).waitFor();
  });
  const measuring = page.getByRole("progressbar", { name: "Measuring errors" });
  const measured = await timed(async () => {
    const asked = page.getByRole("button", { name: /^Measure the errors/ });
    if (await asked.isVisible()) await asked.click();
    await measuring.waitFor({ state: "hidden", timeout: 600_000 });
  });
  const saved = await timed(async () => {
    await page.locator("#save .button").click();
    await page.locator("#save .told", { hasText: "is saved" }).waitFor({ timeout: 600_000 });
  });
  const rate = (/** @type {number} */ ms) => `${Math.round(bytes / ms / 1e3)} MB/s`;
  return { opened: milliseconds(opened), measured: rate(measured), saved: rate(saved) };
}

/** @param {() => Promise<void>} action */
async function timed(action) {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function milliseconds(/** @type {number} */ time) {
  return time < 1000 ? `${Math.round(time)} ms` : `${(time / 1000).toFixed(1)} s`;
}

function gigabytes(/** @type {number} */ bytes) {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
