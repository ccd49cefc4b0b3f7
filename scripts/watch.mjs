// Keeps dist/ up to date while the sources of the library change.

import { readdirSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { addWasm, addWorkerCode, emptyDist } from "./build.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Builds the library, and rebuilds the parts that depend on a file whenever it changes. Runs until the process ends.
 */
export async function watchLibrary({ tests = false } = {}) {
  emptyDist();
  await addWasm({ tests });
  watchTypeScript("web/lib", () => guarded(addWorkerCode));
  await addWorkerCode();
  watchTypeScript("web/cli", () => {});
  watchFolder("cpp", () => guarded(() => addWasm({ tests })));
}

/**
 * Compiles a TypeScript project before it returns, and whenever the project changes.
 * @param {string} folder
 * @param {() => void} afterwards called after each later compilation
 */
function watchTypeScript(folder, afterwards) {
  const host = ts.createWatchCompilerHost(
    join(root, folder, "tsconfig.json"),
    {},
    ts.sys,
    ts.createEmitAndSemanticDiagnosticsBuilderProgram,
    (diagnostic) => console.error(ts.formatDiagnosticsWithColorAndContext([diagnostic], ts.createCompilerHost({}))),
    () => {},
  );
  const compile = host.afterProgramCreate;
  let isFirst = true;
  host.afterProgramCreate = (program) => {
    compile?.(program);
    if (!isFirst) {
      console.log(`${folder} is compiled again.`);
      afterwards();
    }
    isFirst = false;
  };
  ts.createWatchProgram(host);
}

/**
 * Calls back when something in a folder was saved: once for all the operations of an editor that saves a file, and
 * never while a callback runs.
 * @param {string} folder
 * @param {() => Promise<void>} callback
 */
function watchFolder(folder, callback) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  let done = Promise.resolve();
  const folders = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  // Each folder is watched on its own: the recursive watch of Node 20 on Linux loses files that an editor replaces.
  for (const each of [join(root, folder), ...folders]) {
    watch(each, () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        done = done.then(callback);
      }, 100);
    });
  }
}

/**
 * Reports a failure and goes on: the next change may mend it.
 * @param {() => Promise<void>} action
 */
async function guarded(action) {
  try {
    await action();
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
  }
}
