// Takes the screenshot for README.md, web/demo/screenshot.png. Needs a built library (npm run build).

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { build, preview } from "vite";
import { chromiumPath } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const configFile = join(root, "vite.config.ts");

await build({ configFile, logLevel: "warn" });
const server = await preview({ configFile, preview: { port: 0 } });
const executablePath = chromiumPath();
const browser = await chromium.launch({
  ...(executablePath === undefined ? {} : { executablePath }),
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1290 }, colorScheme: "light" });
  await page.goto(/** @type {string} */ (server.resolvedUrls?.local[0]));
  await page.locator("#results[aria-busy=false]").waitFor();
  await page.screenshot({ path: join(root, "web/demo/screenshot.png") });
} finally {
  await browser.close();
  await server.close();
}
