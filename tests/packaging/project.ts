import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

  const tarball = join(folder, "channelwise.tgz");
  cpSync(packed(folder), tarball);
  const install = ["install", "--offline", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", tarball];
  succeed(npm(install, { cwd: folder, quiet: true }), "npm install");

  return {
    folder,
    tarball,
    resolve: createRequire(join(folder, "package.json")).resolve,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The tarball, which is packed once for all specs. Two that begin at the same time may pack it twice. */
function packed(folder: string): string {
  const shared = join(process.env.CHANNELWISE_PACKED ?? mkdtempSync(join(folder, "packed-")), "channelwise.tgz");
  if (!existsSync(shared)) {
    succeed(npm(["pack", "--pack-destination", folder], { quiet: true }), "npm pack");
    const own = readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? "";
    renameSync(join(folder, own), shared);
  }
  return shared;
}

function succeed(done: boolean, what: string) {
  if (!done) throw new Error(`${what} failed`);
}
