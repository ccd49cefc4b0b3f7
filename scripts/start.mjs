// npm start: sets up and builds what is missing, quantizes real trained weights in Node, then serves the page.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { basicPitchWeights, kokoroVoices } from "./data.mjs";
import { setupForBuild } from "./setup.mjs";

const configFile = join(dirname(dirname(fileURLToPath(import.meta.url))), "vite.config.ts");

setupForBuild();
try {
  await buildLibrary();
  await reportRealWeights();
  await servePage();
} catch (error) {
  console.error(`\n${/** @type {Error} */ (error).message}`);
  process.exit(1);
}

// The imports below need the npm packages, and those of the library its build, which exist only now.

async function buildLibrary() {
  const { build } = await import("./build.mjs");
  await build();
}

async function reportRealWeights() {
  const { report } = await import("./report.mjs");
  await report("Kokoro's voices (kokoro-js 1.2.1)", await kokoroVoices());
  await report("Basic Pitch's weights of rank 2 and above (@spotify/basic-pitch 1.0.1)", await basicPitchWeights());
}

async function servePage() {
  const { writeSamples } = await import("./samples.mjs");
  await writeSamples();

  const vite = await import("vite");
  await vite.build({ configFile, logLevel: "warn" });
  const server = await vite.preview({ configFile, preview: { host: "127.0.0.1", port: 4173 } });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit());
  console.log(`\nThe page, with some of these weights as samples: ${server.resolvedUrls?.local[0]}  (Ctrl-C ends it)`);
}
