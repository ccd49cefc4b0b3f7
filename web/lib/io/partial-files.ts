import { crc32 } from "./checksum.js";
import { nodeModule } from "./node.js";

// A file is written under a partial name beside its place, and renamed when it is complete. The name says who writes it, so
// that what a run left that was killed can be told from what another one still writes.

declare const process: { readonly pid: number; kill(pid: number, signal: 0): void };

/** "model.safetensors.1k2x3y-4242-a1b2c3.partial": the machine, the process, and what makes it a name of its own. */
export function partialName(path: string): string {
  return `${path}.${machine()}-${process.pid}-${Math.random().toString(36).slice(2, 8)}.partial`;
}

/** A checksum stands for the machine's name, which may be long and hold any character. */
function machine(): string {
  return crc32(new TextEncoder().encode(nodeModule("node:os").hostname())).toString(36);
}

/**
 * Removes what runs on this machine left of a file that was to be written to a path: they were killed, since all others
 * remove it themselves. What other machines write stays, since it cannot be told from here whether they still do.
 */
export async function removePartialFiles(
  path: string,
  options: {
    /** Removes also what this process writes: for a process whose threads were ended. */
    readonly own?: boolean;
  } = {},
): Promise<void> {
  const { basename, dirname, join } = nodeModule("node:path");
  const { readdir, unlink } = nodeModule("node:fs/promises");
  const folder = dirname(path);
  const start = `${basename(path)}.${machine()}-`;
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = (name.startsWith(start) && /^(\d+)-[a-z0-9]*\.partial$/.exec(name.slice(start.length))) || [];
    if (pid === undefined) continue;
    const partial = join(folder, name);
    const isOver = (options.own && Number(pid) === process.pid) || !(await isWritten(partial, Number(pid)));
    // Another run may remove it at the same time.
    if (isOver) await unlink(partial).catch(() => {});
  }
}

/** Whether a process still writes a file. Numbers of processes come again, so that one that runs need not be that one. */
async function isWritten(partial: string, pid: number): Promise<boolean> {
  const { readdir, stat } = nodeModule("node:fs/promises");
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH"; // it may be somebody else's
  }
  const open = `/proc/${pid}/fd`;
  const descriptors = await readdir(open).catch(() => undefined);
  if (descriptors === undefined) return true; // there is no such list here, or not for us
  const written = await stat(partial).catch(() => undefined);
  for (const descriptor of descriptors) {
    const found = await stat(`${open}/${descriptor}`).catch(() => undefined);
    if (written && found?.ino === written.ino && found.dev === written.dev) return true;
  }
  return false;
}
