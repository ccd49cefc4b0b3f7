import { nodeModule as moduleInNode } from "../core/node-module.js";
import type { FilePlace } from "./bytes.js";
import { FileLender, type Lend } from "./lent-files.js";
import { type FileHandle, nodeModule } from "./node.js";

/** What statfs says of a folder in memory on Linux: TMPFS_MAGIC of linux/magic.h. */
const IN_MEMORY = 0x01021994;

/** A file without a name in Node: nothing of it is left when it is closed, nor when the process is killed. */
export class TemporaryFile {
  readonly #handle: FileHandle;
  readonly #lender: FileLender;
  readonly #name: string;
  readonly place: FilePlace;
  readonly lend: Lend;

  private constructor(folder: string, handle: FileHandle) {
    this.#name = `a temporary file in ${folder}`;
    this.#handle = handle;
    this.#lender = new FileLender(this.#name, handle.fd);
    this.place = { path: this.#name, descriptor: handle.fd, position: 0 };
    this.lend = this.#lender.lend;
  }

  /** Nothing where no folder for temporary files has room for as many bytes, and outside of Node. */
  static async create(byteLength: number): Promise<TemporaryFile | undefined> {
    const folder = await folderFor(byteLength);
    if (folder === undefined) return undefined;
    const { open, unlink } = nodeModule("node:fs/promises");
    const path = nodeModule("node:path").join(folder, `channelwise-${crypto.randomUUID()}`);
    const handle = await open(path, "wx+").catch(() => undefined);
    if (handle === undefined) return undefined;
    await unlink(path);
    return new TemporaryFile(folder, handle);
  }

  async write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      for (let done = 0; done < bytes.byteLength; ) {
        done += (await this.#handle.write(bytes, done, bytes.byteLength - done, offset + done)).bytesWritten;
      }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${this.#name} cannot be written: ${reason}; set TMPDIR to another folder`, { cause });
    }
  }

  /** Closes it when workers have done with it. */
  async close(): Promise<void> {
    await this.#lender.takeBack();
    await this.#handle.close();
  }
}

/** The system's folder for temporary files, or where that is in memory the one for large ones. */
async function folderFor(byteLength: number): Promise<string | undefined> {
  if (!moduleInNode("node:os")) return undefined;
  const { statfs } = nodeModule("node:fs/promises");
  for (const folder of [nodeModule("node:os").tmpdir(), "/var/tmp"]) {
    const found = await statfs(folder).catch(() => undefined);
    if (found && found.type !== IN_MEMORY && found.bavail * found.bsize > byteLength) return folder;
  }
  return undefined;
}
