// npm run test:browsers: all specs that run in browsers, and the page's tests, in Chromium, Firefox and WebKit. Takes minutes.

import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { setupForTests } from "./setup.mjs";

setupForTests();
const { build } = await import("./build.mjs");
await build({ tests: true });
const { fetchOcrPackages } = await import("./ocr/packages.mjs");
await fetchOcrPackages();

const projects = ["browser", "page", "engines", "browsers", "browsers-chromium"].map((name) => `--project=${name}`);
const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...projects], {
  cwd: dirname(dirname(fileURLToPath(import.meta.url))),
  stdio: ["ignore", "inherit", "inherit"],
});
process.exitCode = status ?? 1;
