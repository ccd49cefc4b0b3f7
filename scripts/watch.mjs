// Keeps dist/ up to date while the sources of the library change.

import { readdirSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { addWasm, addWorkerCode, emptyDist } from "./build.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Builds the library and then again, in part, what follows from a file that changes. Runs until the process ends. */
export async function watchLibrary({ tests = false } = {}) {
  emptyDist();
  await addWasm({ tests });
  watchTypeScript("web/lib", () => guarded(addWorkerCode));
  await addWorkerCode();
  watchTypeScript("web/cli", () => {});
  watchFolder("cpp", () => guarded(() => addWasm({ tests })));
}

/**
 * Compiles a project of TypeScript, before this returns and whenever it changes.
 * @param {string} folder
 * @param {() => void} afterwards called when it was compiled again
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
 * Calls back when something in a folder was saved: once for all that an editor does to save a file, and not again
 * before that is done.
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
  // One by one: the recursive watch of Node 20 on Linux loses files that an editor replaces.
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
 * Reports what fails and goes on: the next change may mend it.
 * @param {() => Promise<void>} action
 */
async function guarded(action) {
  try {
    await action();
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
  }
}
