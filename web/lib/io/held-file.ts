import { type FileHandle, type FileStat, nodeModule } from "./node.js";

/** Files that stay open while nobody reads them. A process may have as few as 256 open, and a model lies in thousands. */
const MOST_IDLE = 32;

/** Those that are open and not read, the one that has waited longest first. */
const idle = new Set<HeldFile>();

/** A file for reading, which is open while it is used, and after that until there are too many. */
export class HeldFile {
  readonly path: string;
  /** As it was when it was opened first. */
  readonly #stat: FileStat;
  #handle: Promise<FileHandle> | undefined;
  #closed = false;
  readonly #uses = new Set<Promise<unknown>>();

  constructor(path: string, handle: FileHandle, stat: FileStat) {
    this.path = path;
    this.#stat = stat;
    this.#handle = Promise.resolve(handle);
    this.#rest();
  }

  /** Does work with the file, which stays open until that settles. */
  async use<R>(work: (handle: FileHandle) => Promise<R>): Promise<R> {
    if (this.#closed) throw Object.assign(new Error(`${this.path} is closed`), { code: "EBADF" });
    idle.delete(this);
    const working = this.#opened().then(work);
    this.#uses.add(working);
    try {
      return await working;
    } finally {
      this.#uses.delete(working);
      if (this.#uses.size === 0 && this.#handle && !this.#closed) this.#rest();
    }
  }

  /** Closes it for good, when nobody uses it any more: its descriptor may then be that of another file. */
  async close(): Promise<void> {
    this.#closed = true;
    idle.delete(this);
    await Promise.allSettled(this.#uses);
    await this.#release();
  }

  #opened(): Promise<FileHandle> {
    this.#handle ??= this.#openAgain();
    return this.#handle;
  }

  async #openAgain(): Promise<FileHandle> {
    try {
      const { handle, stat } = await openForReading(this.path);
      const { dev, ino, size, mtimeMs } = this.#stat;
      if (stat.dev === dev && stat.ino === ino && stat.size === size && stat.mtimeMs === mtimeMs) return handle;
      await handle.close();
      throw new Error(`${this.path} is another file than before: it changed while it was read`);
    } catch (error) {
      this.#handle = undefined;
      throw error;
    }
  }

  #rest(): void {
    idle.add(this);
    const [longest] = idle;
    if (idle.size > MOST_IDLE) {
      idle.delete(longest);
      longest.#release().catch(() => {}); // what was read of it was read
    }
  }

  async #release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await (await handle)?.close();
  }
}

/**
 * Opens a file to be read at any place.
 *
 * @throws {TypeError} for what is no file, such as a folder or a pipe.
 */
export async function openForReading(path: string): Promise<{ handle: FileHandle; stat: FileStat }> {
  const { constants, open } = nodeModule("node:fs/promises");
  // Or a named pipe to which nobody writes would be waited for, by a thread that nothing interrupts.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stat = await handle.stat();
  if (stat.isFile()) return { handle, stat };
  await handle.close();
  throw new TypeError(`${path} is not a file: ${whatIs(stat)}`);
}

function whatIs(stat: FileStat): string {
  if (stat.isDirectory()) return "it is a folder";
  if (stat.isFIFO())
    return "it is a pipe, which is read once and in order; save what comes out of it, and give that file";
  return "it is a device; save what comes out of it, and give that file";
}
