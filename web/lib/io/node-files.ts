import type { ByteSink, OpenSource } from "./bytes.js";
import { HeldFile } from "./held-file.js";
import { FileLender, lentBy } from "./lent-files.js";
import { nodeModule } from "./node.js";
import { partialName, removePartialFiles } from "./partial-files.js";

function pathOf(file: string | URL): string {
  return typeof file === "string" ? file : nodeModule("node:url").fileURLToPath(file);
}

/** The path of another file in the same folder. */
export function besidePath(file: string | URL, name: string): string {
  const { dirname, join } = nodeModule("node:path");
  return join(dirname(pathOf(file)), name);
}

/**
 * Opens a file of Node's file system for reading.
 *
 * @throws {TypeError} for a path that is not a file.
 */
export async function openNodeFile(file: string | URL): Promise<OpenSource> {
  const path = pathOf(file);
  const held = await HeldFile.open(path);
  const source: OpenSource = {
    name: nodeModule("node:path").basename(path),
    size: held.size,
    read: (offset, length, spare) =>
      held.use(async (handle) => {
        const bytes = spare ? new Uint8Array(spare) : new Uint8Array(length);
        for (let done = 0; done < length; ) {
          const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
          if (bytesRead === 0) throw new Error(`${path} ended at byte ${offset + done}: it changed while it was read`);
          done += bytesRead;
        }
        return bytes;
      }),
    close: () => held.close(),
    checkUnchanged: () => held.checkUnchanged(),
  };
  return lentBy(source, (work) => held.use(({ fd }) => work({ path, descriptor: fd, position: 0 })));
}

/** Options of `fileSink`. */
export interface FileSinkOptions {
  /** Whether to replace a file that exists; false by default, which throws. */
  readonly overwrite?: boolean;
}

/**
 * Writes a file in Node: under a temporary name in the same folder, and renamed when it is closed and its bytes are on
 * the disk. `abort` removes it. Temporary files that killed runs left are removed first.
 *
 * @throws {Error} where the file exists and `overwrite` is not true, and where the path exists but is not a file.
 */
export async function fileSink(file: string | URL, { overwrite = false }: FileSinkOptions = {}): Promise<ByteSink> {
  const path = pathOf(file);
  const { open, lstat, rename, unlink } = nodeModule("node:fs/promises");
  const refuseExisting = async () => {
    const existing = await lstat(path).catch(() => undefined);
    if (existing && !overwrite) throw new Error(`${path} exists; give another name, or overwrite: true to replace it`);
    if (existing && !existing.isFile() && !existing.isSymbolicLink()) {
      throw new Error(`${path} exists and is not a file; give another name`);
    }
  };
  await refuseExisting();
  await removePartialFiles(path);
  const partial = partialName(path);
  const handle = await open(partial, "wx").catch((error) => {
    throw Object.assign(error, { path }); // the name that people know
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
