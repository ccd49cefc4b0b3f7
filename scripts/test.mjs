// npm test: sets up and builds what is missing, then runs every check and every test, and stops at the first that
// fails.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromiumPath, setupForTests } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const junitReport = "build/native-asan/ctest.xml";
const vitestReport = "build/vitest.json";

/** @type {{ name: string, seconds: number }[]} */
const steps = [];
/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

await step("set up", async () => setupForTests());
process.env.CHROMIUM = chromiumPath();

async function library() {
  await step("build", () => runNode("scripts/build.mjs", "--tests"));
  await step("types", () => runNode("node_modules/typescript/bin/tsc", "--noEmit"));
  await step("reference of the public types", () => runNode("scripts/reference.mjs", "--check"));
  // Once for all tests that pack or open it.
  await step("page in one file", () => runNode("scripts/page.mjs", "--packed"));
  process.env.CHANNELWISE_ONE_FILE = "built";
}

async function native() {
  await step("native tests", async () => {
    await runNode("scripts/build.mjs", "--native");
    await run("ctest", ["--preset", "native-asan", "--output-junit", join(root, junitReport)]);
  });
  await step("lint and format", () => runNode("node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings"));
  await step("C++ format", () => runNode("scripts/clang-format.mjs"));
  await step("models and their runtimes", async () => {
    const { fetchOcrPackages } = await import("./ocr/packages.mjs");
    await fetchOcrPackages();
    const { fetchTransformers } = await import("./transformers-js.mjs");
    await fetchTransformers();
    const { fetchWllama } = await import("./ggml/wllama.mjs");
    await fetchWllama();
  });
}

// These run side by side, since most of the tools use one core.
await Promise.all([library(), native()]);
await step("tests in every engine", () => {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${vitestReport}`];
  return runNode("node_modules/vitest/vitest.mjs", "run", "--project=!browsers*", ...reporters);
});

console.log();
for (const { name, seconds } of steps) console.log(`${name.padEnd(32)}${seconds.toFixed(1).padStart(7)} s`);
console.log(`${"in all".padEnd(32)}${(performance.now() / 1000).toFixed(1).padStart(7)} s`);
const { passed, failed, skipped } = countTests();
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);

/**
 * @param {string} name
 * @param {() => Promise<void>} action
 */
async function step(name, action) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  try {
    await action();
  } catch (error) {
    const { status, message } = /** @type {Error & { status?: number }} */ (error);
    console.error(`\n${name} failed: ${message}`);
    for (const child of running) child.kill();
    process.exit(status || 1);
  }
  steps.push({ name, seconds: (performance.now() - start) / 1000 });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<void>}
 */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    running.add(child);
    child.once("error", (error) => reject(new Error(`${command}: ${error.message}`)));
    child.once("exit", (status, signal) => {
      running.delete(child);
      if (status === 0) return resolve();
      const reason = signal === null ? `exit code ${status}` : `ended by ${signal}`;
      reject(Object.assign(new Error(`${[command, ...args].slice(0, 2).join(" ")}: ${reason}`), { status }));
    });
  });
}

/**
 * Runs a script or tool by its own file, under this Node.
 * @param {string[]} args
 */
function runNode(...args) {
  return run(process.execPath, args);
}

/** Adds up the numbers of tests that CTest and Vitest report. */
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
