// npm run dev: serves the page as it is written, and reloads it when it or the library changes.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setupForBuild } from "./setup.mjs";

const configFile = join(dirname(dirname(fileURLToPath(import.meta.url))), "vite.config.ts");

setupForBuild();
// These imports need the npm packages, and the samples need the library, which exist only now.
const { watchLibrary } = await import("./watch.mjs");
await watchLibrary();
const { writeSamples } = await import("./samples.mjs");
await writeSamples();

const { createServer } = await import("vite");
const server = await createServer({ configFile, server: { host: "127.0.0.1" } });
await server.listen();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit());
console.log(`The page: ${server.resolvedUrls?.local[0]}  (Ctrl-C ends it)`);
