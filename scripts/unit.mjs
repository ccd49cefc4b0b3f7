// npm run test:unit -- PATTERN...: builds what is stale, then runs the specs whose path has a PATTERN, in Node alone.
// --debug uses WebAssembly modules that check themselves. --watch (npm run test:watch) repeats whenever a spec or what
// it tests changes. Other options are Vitest's.

import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { setupForBuild } from "./setup.mjs";

const own = ["--debug", "--watch"];
const debug = process.argv.includes("--debug");
const isWatching = process.argv.includes("--watch");

setupForBuild();
if (isWatching) {
  const { watchLibrary } = await import("./watch.mjs");
  await watchLibrary({ tests: true });
} else {
  const { buildIfStale } = await import("./build.mjs");
  await buildIfStale({ debug });
}

const rest = process.argv.slice(2).filter((argument) => !own.includes(argument));
const vitest = ["node_modules/vitest/vitest.mjs", isWatching ? "watch" : "run", "--project", "node*", ...rest];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const child = spawn(process.execPath, vitest, { cwd: root, stdio: "inherit" });
child.once("exit", (code) => process.exit(code ?? 1));
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
