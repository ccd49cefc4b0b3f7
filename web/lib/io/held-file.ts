import { type FileHandle, type FileStat, nodeModule } from "./node.js";

/** The limit of files that are open at a time. A process may have as few as 256, and a model thousands. */
const MOST_OPEN = 64;

/** The number of files that are open or being opened. */
let open = 0;
/** The open files that are not in use, the one that has waited longest first. */
const idle = new Set<HeldFile>();
/** Resolves for those who wait until a file is closed. */
const waiting: (() => void)[] = [];

/** A file for reading. It is open while it is used, and then until others need its place. */
export class HeldFile {
  readonly path: string;
  readonly size: number;
  /** The state of the file when it was first opened. */
  readonly #stat: FileStat;
  #handle: Promise<FileHandle> | undefined;
  #closed = false;
  readonly #uses = new Set<Promise<unknown>>();

  private constructor(path: string, handle: FileHandle, stat: FileStat) {
    this.path = path;
    this.size = stat.size;
    this.#stat = stat;
    this.#handle = Promise.resolve(handle);
    this.#rest();
  }

  /** @throws {TypeError} for a path that is not a file, such as that of a folder or a pipe. */
  static async open(path: string): Promise<HeldFile> {
    const { handle, stat } = await openForReading(path);
    return new HeldFile(path, handle, stat);
  }

  /** Works with the file, which stays open until the work settles. */
  async use<R>(work: (handle: FileHandle) => Promise<R>): Promise<R> {
    if (this.#closed) throw Object.assign(new Error(`${this.path} is closed`), { code: "EBADF" });
    idle.delete(this);
    this.#handle ??= this.#openAgain();
    const working = this.#handle.then(work);
    this.#uses.add(working);
    try {
      return await working;
    } finally {
      this.#uses.delete(working);
      if (this.#uses.size === 0 && !this.#closed) this.#rest();
    }
  }

  /** @throws {Error} where the file was written to since it was first opened. What was read may then be of both. */
  async checkUnchanged(): Promise<void> {
    if (this.#closed) return; // as a model may be while workers still read it
    const { size, mtimeMs } = await this.use((handle) => handle.stat());
    if (size === this.#stat.size && mtimeMs === this.#stat.mtimeMs) return;
    throw new Error(`${this.path} changed while it was read: do it again once nothing writes to it`);
  }

  /** Closes the file for good once nobody uses it. Its descriptor may then belong to another file. */
  async close(): Promise<void> {
    this.#closed = true;
    idle.delete(this);
    await Promise.allSettled(this.#uses);
    await this.release();
  }

  /** Closes the file until it is used again. */
  async release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle) await closeFile(await handle);
  }

  async #openAgain(): Promise<FileHandle> {
    try {
      const { handle, stat } = await openForReading(this.path);
      const { dev, ino, size, mtimeMs } = this.#stat;
      if (stat.dev === dev && stat.ino === ino && stat.size === size && stat.mtimeMs === mtimeMs) return handle;
      await closeFile(handle);
      throw new Error(`${this.path} is a different file than before: it was replaced while it was read`);
    } catch (error) {
      this.#handle = undefined;
      throw error;
    }
  }

  #rest(): void {
    if (this.#handle) idle.add(this);
    waiting.shift()?.();
  }
}

/** Opens a file when the limit allows it. */
async function openForReading(path: string): Promise<{ handle: FileHandle; stat: FileStat }> {
  const { constants, open: openFile } = nodeModule("node:fs/promises");
  while (open >= MOST_OPEN) {
    const [longest] = idle;
    if (longest) {
      idle.delete(longest);
      await longest.release();
    } else await new Promise<void>((resolve) => waiting.push(resolve));
  }
  open++;
  let handle: FileHandle | undefined;
  try {
    // Opening a named pipe that nobody writes to would otherwise block a thread for ever.
    handle = await openFile(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = await handle.stat();
    if (stat.isFile()) return { handle, stat };
    throw new TypeError(`${path} is not a file: ${whatIs(stat)}`);
  } catch (error) {
    await closeFile(handle);
    throw error;
  }
}

async function closeFile(handle: FileHandle | undefined): Promise<void> {
  await handle?.close();
  open--;
  waiting.shift()?.();
}

function whatIs(stat: FileStat): string {
  if (stat.isDirectory()) return "it is a folder";
  if (stat.isFIFO()) return "it is a pipe, which is read once and in order; save its output, and give that file";
  return "it is a device; save its output, and give that file";
}
