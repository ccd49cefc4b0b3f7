import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "../../scripts/setup.mjs";

const consumer = fileURLToPath(new URL("consumer", import.meta.url));

/** A project of a user: some files, and the packed tarball installed beside them. */
export interface Project {
  folder: string;
  tarball: string;
  /** The file that an import in this project resolves to. */
  resolve(specifier: string): string;
  remove(): void;
}

/**
 * Packs the package and installs it outside of this repository, so that none of our files is found by chance.
 *
 * @param files a folder whose files are copied into the project.
 */
export function createProject(files = consumer): Project {
  const folder = mkdtempSync(join(tmpdir(), "channelwise-"));
  cpSync(files, folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));

  succeed(npm(["pack", "--pack-destination", folder], { quiet: true }), "npm pack");
  const tarball = join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? "");
  const install = ["install", "--offline", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", tarball];
  succeed(npm(install, { cwd: folder, quiet: true }), "npm install");

  return {
    folder,
    tarball,
    resolve: createRequire(join(folder, "package.json")).resolve,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function succeed(done: boolean, what: string) {
  if (!done) throw new Error(`${what} failed`);
}
