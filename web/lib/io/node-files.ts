import type { ByteSink } from "./bytes.js";
import { FileLender, lentBy } from "./lent-files.js";
import type { OpenSource } from "./sources.js";

// What is used of Node, declared here since the library's types know no Node.

interface FileHandle {
  readonly fd: number;
  stat(): Promise<{ size: number; isFile(): boolean }>;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface FileSystem {
  open(path: string, flags: string): Promise<FileHandle>;
  lstat(path: string): Promise<unknown>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

interface Modules {
  "node:fs/promises": FileSystem;
  "node:path": { basename(path: string): string; dirname(path: string): string; join(...parts: string[]): string };
  "node:url": { fileURLToPath(url: URL): string };
}

declare const process: { getBuiltinModule<N extends keyof Modules>(name: N): Modules[N] } | undefined;

/** Asking for a module this way leaves nothing for a bundler to resolve. */
function nodeModule<N extends keyof Modules>(name: N): Modules[N] {
  if (typeof process !== "object" || typeof process.getBuiltinModule !== "function") {
    throw new TypeError("paths are read and written in Node only (from 20.16 on); give a File or a Blob");
  }
  return process.getBuiltinModule(name);
}

function pathOf(file: string | URL): string {
  return typeof file === "string" ? file : nodeModule("node:url").fileURLToPath(file);
}

/** The path of another file in the same folder. */
export function besidePath(file: string | URL, name: string): string {
  const { dirname, join } = nodeModule("node:path");
  return join(dirname(pathOf(file)), name);
}

/** Opens a file of Node's file system for reading. */
export async function openNodeFile(file: string | URL): Promise<OpenSource> {
  const path = pathOf(file);
  const handle = await nodeModule("node:fs/promises").open(path, "r");
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw new TypeError(`${path} is not a file`);
  }
  const name = nodeModule("node:path").basename(path);
  const lender = new FileLender(path, handle.fd);
  const source: OpenSource = {
    name,
    size: stat.size,
    async read(offset, length, spare) {
      const bytes = spare ? new Uint8Array(spare) : new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) throw new Error(`${path} ended at byte ${offset + done}: it changed while it was read`);
        done += bytesRead;
      }
      return bytes;
    },
    async close() {
      await lender.takeBack();
      await handle.close();
    },
  };
  return lentBy(source, lender.lend);
}

/** Options of `fileSink`. */
export interface FileSinkOptions {
  /** Replaces a file that is there already; refused when not given. */
  readonly overwrite?: boolean;
}

/**
 * Writes a file in Node: beside its place, under a name of its own, and renamed when it is closed, with its bytes on the
 * disk by then. `abort` removes it.
 *
 * @throws {Error} where the file exists and `overwrite` is not true.
 */
export async function fileSink(file: string | URL, { overwrite = false }: FileSinkOptions = {}): Promise<ByteSink> {
  const path = pathOf(file);
  const { open, lstat, rename, unlink } = nodeModule("node:fs/promises");
  const refuseExisting = async () => {
    if (overwrite) return;
    const exists = await lstat(path).then(
      () => true,
      () => false,
    );
    if (exists) throw new Error(`${path} exists; give another name, or overwrite: true to replace it`);
  };
  await refuseExisting();
  const partial = `${path}.${Math.random().toString(36).slice(2, 10)}.partial`;
  const handle = await open(partial, "wx").catch((error) => {
    throw Object.assign(error, { path }); // the name that is known
  });
  const lender = new FileLender(partial, handle.fd);
  /** A run that fails because its sink was aborted aborts it again. */
  let aborting: Promise<void> | undefined;
  const sink: ByteSink = {
    async write(offset, bytes) {
      for (let done = 0; done < bytes.byteLength; ) {
        done += (await handle.write(bytes, done, bytes.byteLength - done, offset + done)).bytesWritten;
      }
    },
    async close() {
      await lender.takeBack();
      await handle.sync();
      await refuseExisting();
      await handle.close();
      await rename(partial, path);
    },
    abort: () => {
      aborting ??= remove();
      return aborting;
    },
  };
  async function remove() {
    await lender.takeBack();
    await handle.close();
    await unlink(partial);
  }
  return lentBy(sink, lender.lend);
}
