// npm test: sets up and builds what is missing, then runs every check and every test, and stops at the first that fails.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromiumPath, setupForTests } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const junitReport = "build/native-asan/ctest.xml";
const vitestReport = "build/vitest.json";

/** @type {{ name: string, seconds: number }[]} */
const steps = [];

await step("set up", setupForTests);
process.env.CHROMIUM = chromiumPath();
const { build, buildNative } = await import("./build.mjs");
await step("build", () => build({ tests: true }));
await step("lint and format", () => runTool("@biomejs/biome/bin/biome", ["check", "--error-on-warnings"]));
await step("C++ format", () => run(process.execPath, ["scripts/clang-format.mjs"]));
await step("types", () => runTool("typescript/bin/tsc", ["--noEmit"]));
await step("reference of the public types", async () => {
  const { checkReference } = await import("./reference.mjs");
  await checkReference();
});
await step("native tests", () => {
  buildNative();
  run("ctest", ["--preset", "native-asan", "--output-junit", join(root, junitReport)]);
});
await step("models, onnxruntime-node and ggml", async () => {
  const { fetchOcrPackages } = await import("./ocr/packages.mjs");
  await fetchOcrPackages();
  const { fetchLlama, runsHere } = await import("./ggml/library.mjs");
  if (runsHere) await fetchLlama();
});
await step("tests in every engine", () => {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${vitestReport}`];
  runTool("vitest/vitest.mjs", ["run", "--project=!browsers*", ...reporters]);
});

console.log();
for (const { name, seconds } of steps) console.log(`${name.padEnd(28)}${seconds.toFixed(1).padStart(7)} s`);
const { passed, failed, skipped } = countTests();
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);

/**
 * @param {string} name
 * @param {() => void | Promise<void>} action
 */
async function step(name, action) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  try {
    await action();
  } catch (error) {
    const { status, message } = /** @type {Error & { status?: number }} */ (error);
    console.error(`\n${name} failed: ${message}`);
    process.exit(status || 1);
  }
  steps.push({ name, seconds: (performance.now() - start) / 1000 });
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status === 0) return;
  const reason = error?.message ?? (signal === null ? `exit code ${status}` : `ended by ${signal}`);
  throw Object.assign(new Error(`${command}: ${reason}`), { status });
}

/**
 * Runs a tool of node_modules by its own file, under this very Node.
 * @param {string} file
 * @param {string[]} args
 */
function runTool(file, args) {
  run(process.execPath, [join("node_modules", file), ...args]);
}

/** Adds up what CTest and Vitest report. */
function countTests() {
  const junit = readFileSync(join(root, junitReport), "utf8");
  const native = (/** @type {string} */ name) =>
    Number(junit.match(new RegExp(`<testsuite[^>]*\\s${name}="(\\d+)"`))?.[1]);
  const vitest = JSON.parse(readFileSync(join(root, vitestReport), "utf8"));
  const nativeSkipped = native("skipped") + native("disabled");
  return {
    passed: native("tests") - native("failures") - nativeSkipped + vitest.numPassedTests,
    failed: native("failures") + vitest.numFailedTests,
    skipped: nativeSkipped + vitest.numPendingTests + vitest.numTodoTests,
  };
}
