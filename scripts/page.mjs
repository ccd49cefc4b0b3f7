// npm run page: builds the page for a host into build/page, and into one file, build/page/channelwise.html. With
// --packed, which `npm pack` gives, puts that file into dist/ if it is missing there.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOneFile } from "./one-file.mjs";
import { setupForBuild } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

setupForBuild();
if (process.argv.includes("--packed")) {
  const file = join(root, "dist/channelwise.html");
  if (!existsSync(file)) await buildOneFile(file);
} else {
  // These imports need the npm packages, which exist only now.
  const { build } = await import("./build.mjs");
  await build();
  const { writeSamples } = await import("./samples.mjs");
  await writeSamples();
  const vite = await import("vite");
  await vite.build({ configFile: join(root, "vite.config.ts"), logLevel: "warn" });
  const file = join(root, "build/page/channelwise.html");
  const { bytes, gzip } = await buildOneFile(file);
  console.log(`${file}: ${(bytes / 1e6).toFixed(1)} MB, ${(gzip / 1e6).toFixed(1)} MB after gzip`);
}
