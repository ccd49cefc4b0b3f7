// npm run large-files:browser: quantizes files of many gigabytes in Chromium, from a File to the origin-private file
// system. It reports the memory of the browser's processes (on Linux), and the time relative to copying as many bytes.
// Takes some minutes, and 7 GB in the system's folder for temporary files, or in the folder given. A second argument
// chooses cases by a part of their names.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { createServer } from "vite";
import { withPeakMemory } from "../browser-memory.mjs";
import { chromiumPath } from "../setup.mjs";
import { writeSparseModel } from "../sparse-model.mjs";
import { writeFloatGguf } from "./float-gguf.mjs";
import { layers, single } from "./shapes.mjs";

/** @type {{ name: string, shapes?: number[][], rules: import("channelwise/models").Rules }[]} */
const cases = [
  { name: "12.9 GB in 48 tensors, comfyui", shapes: layers, rules: { dialect: "comfyui" } },
  { name: "one tensor of 3.2 GB, one scale", shapes: single, rules: { granularity: "tensor" } },
  { name: "a GGUF of F16 of 3.1 GB, Q4_K_M", rules: { type: "Q4_K_M" } },
];

/** The address of the script for the page. */
const code = "/scripts/large-files/page.mjs";

/**
 * The number of runs that a median is taken of. A disk takes several times as long to write a file for the first time,
 * so that run is not timed.
 */
const rounds = 3;

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "channelwise-large-"));
const server = await createServer({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  configFile: false,
  logLevel: "error",
  optimizeDeps: { noDiscovery: true },
  server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
});
await server.listen();
try {
  const pattern = process.argv[3] ?? "";
  for (const each of cases) if (each.name.includes(pattern)) await measure(each);
} finally {
  await server.close();
  rmSync(folder, { recursive: true });
}

/** Each case runs in a browser of its own, so that its peak of memory is its own. */
async function measure(/** @type {(typeof cases)[number]} */ { name, shapes, rules }) {
  const input = join(folder, shapes ? "model.safetensors" : "model.gguf");
  const bytes = await (shapes ? writeSparseModel(input, shapes) : writeFloatGguf(input));
  const executablePath = chromiumPath();
  // The profile is on the disk, because a private window keeps files in memory.
  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    ...(executablePath ? { executablePath } : {}),
    args: ["--no-sandbox"],
  });
  try {
    const page = await context.newPage();
    await page.goto(`${server.resolvedUrls?.local[0]}scripts/large-files/page.html`);
    await page.setInputFiles("input", input);
    const workers = await page.evaluate(async (address) => (await import(address)).workers, code);
    /** @type {(name: "quantize" | "copyAsMuch") => Promise<number>} */
    const secondsOf = (name) =>
      page.evaluate(
        async ([address, name, given]) => (await import(address))[name](given),
        /** @type {const} */ ([code, name, rules]),
      );
    const { idle, peak } = await withPeakMemory(() => secondsOf("quantize"));
    await secondsOf("copyAsMuch");
    /** @type {{ quantize: number[], copy: number[] }} */
    const times = { quantize: [], copy: [] };
    for (let round = 0; round < (shapes ? rounds : 1); round++) {
      times.quantize.push(await secondsOf("quantize"));
      times.copy.push(await secondsOf("copyAsMuch"));
    }
    const [seconds, copySeconds] = [times.quantize, times.copy].map(median);
    console.log(
      `${name.padEnd(36)}${peak > 0 ? `${megabytes(peak - idle)} above ${megabytes(idle)}` : ""}  ` +
        `${seconds.toFixed(1)} s with ${workers} workers, ${(seconds / copySeconds).toFixed(2)} x the copy  ${megabytes(bytes / seconds)}/s`,
    );
  } finally {
    await context.close();
    rmSync(join(folder, "profile"), { recursive: true, force: true });
  }
}

function median(/** @type {number[]} */ values) {
  return /** @type {number} */ (values.sort((a, b) => a - b)[values.length >> 1]);
}

function megabytes(/** @type {number} */ bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
