// What every benchmark begins with: a library that is up to date, and the name of the machine.

import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

/** Builds the library in another process, whose output does not mix with the table. */
export function build() {
  const script = fileURLToPath(new URL("../build.mjs", import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: ["ignore", process.stderr, process.stderr] });
  if (status !== 0) process.exit(1);
}

export const machine = () => `${cpus()[0].model.trim()}, ${cpus().length} cores`;
