import { crc32 } from "./checksum.js";
import { nodeModule } from "./node.js";

// A file is written under a partial name in its folder, and renamed when it is complete. The name tells who writes it,
// so that files of runs that were killed can be told from those of runs at work.

declare const process: { readonly pid: number; kill(pid: number, signal: 0): void };

/**
 * A name such as "model.safetensors.1k2x3y-4242-a1b2c3.partial", with the machine, the process and random characters.
 */
export function partialName(path: string): string {
  const { dirname, join } = nodeModule("node:path");
  return join(dirname(path), `${startOf(path)}${process.pid}-${Math.random().toString(36).slice(2, 8)}.partial`);
}

/** File systems have names of 255 bytes, of which the rest of a partial name takes fewer than 55. */
const MOST_NAME_BYTES = 200;

/** The beginning of the partial names of a path. A checksum replaces the end of a long name. */
function startOf(path: string): string {
  const name = nodeModule("node:path").basename(path);
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MOST_NAME_BYTES) return `${name}.${machine()}-`;
  const begin = new TextDecoder().decode(bytes.subarray(0, MOST_NAME_BYTES - 10)).replace(/\ufffd+$/, "");
  return `${begin}-${crc32(bytes).toString(36)}.${machine()}-`;
}

/** A checksum replaces the machine's name, which may be long and hold any character. */
function machine(): string {
  return crc32(new TextEncoder().encode(nodeModule("node:os").hostname())).toString(36);
}

/**
 * Removes the partial files of a path that runs on this machine left. Only killed runs leave any. Those of other
 * machines stay, since their runs may be at work.
 */
export async function removePartialFiles(
  path: string,
  options: {
    /** Whether to remove the files of this process too, for a process whose threads were ended. */
    readonly own?: boolean;
  } = {},
): Promise<void> {
  const { dirname, join } = nodeModule("node:path");
  const { readdir, unlink } = nodeModule("node:fs/promises");
  const folder = dirname(path);
  const start = startOf(path);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = (name.startsWith(start) && /^(\d+)-[a-z0-9]*\.partial$/.exec(name.slice(start.length))) || [];
    if (pid === undefined) continue;
    const partial = join(folder, name);
    const isOver = (options.own && Number(pid) === process.pid) || !(await isWritten(partial, Number(pid)));
    // Another run may remove it at the same time.
    if (isOver) await unlink(partial).catch(() => {});
  }
}

/**
 * Whether a process is still writing a file. Process numbers are reused, so a process with this number need not be that
 * one.
 */
async function isWritten(partial: string, pid: number): Promise<boolean> {
  const { readdir, stat } = nodeModule("node:fs/promises");
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH"; // it may belong to another user
  }
  const open = `/proc/${pid}/fd`;
  const descriptors = await readdir(open).catch(() => undefined);
  if (descriptors === undefined) return true; // the list does not exist here, or cannot be read
  const written = await stat(partial).catch(() => undefined);
  for (const descriptor of descriptors) {
    const found = await stat(`${open}/${descriptor}`).catch(() => undefined);
    if (written && found?.ino === written.ino && found.dev === written.dev) return true;
  }
  return false;
}
