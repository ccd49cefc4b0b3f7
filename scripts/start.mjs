// npm start: sets up and builds what is missing, quantizes real trained weights in Node, then serves the page.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { basicPitchWeights, kokoroVoices } from "./data.mjs";
import { setupForBuild } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

setupForBuild();
// These need the npm packages, and the last one the library, which are there only now.
const { build } = await import("./build.mjs");
await build();
const { report } = await import("./report.mjs");

await report("Kokoro's voices (kokoro-js 1.2.1)", await kokoroVoices());
await report("Basic Pitch's weights of rank 2 and above (@spotify/basic-pitch 1.0.1)", await basicPitchWeights());
await servePage();

async function servePage() {
  const { writeSamples } = await import("./samples.mjs");
  await writeSamples();

  const vite = await import("vite");
  const configFile = join(root, "vite.config.ts");
  await vite.build({ configFile, logLevel: "warn" });
  const server = await vite.preview({ configFile, preview: { host: "127.0.0.1", port: 4173 } });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit());
  console.log(`\nThe page, with some of these weights as samples: ${server.resolvedUrls?.local[0]}  (Ctrl-C ends it)`);
}
