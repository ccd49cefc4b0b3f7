import { type FileHandle, type FileStat, nodeModule } from "./node.js";

/** A process may have as few as 256 files open, and a model lies in thousands. */
const MOST_OPEN = 64;

/** How many are open, or being opened. */
let open = 0;
/** Those that are open and not used, the one that has waited longest first. */
const idle = new Set<HeldFile>();
/** Those that wait for one to be closed. */
const waiting: (() => void)[] = [];

/** A file for reading, which is open while it is used, and after that until others need its place. */
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

  /** @throws {TypeError} for what is no file, such as a folder or a pipe. */
  static async open(path: string): Promise<HeldFile> {
    const { handle, stat } = await openForReading(path);
    return new HeldFile(path, handle, stat);
  }

  /** Does work with the file, which stays open until that settles. */
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

  /** Closes it for good, when nobody uses it any more: its descriptor may then be that of another file. */
  async close(): Promise<void> {
    this.#closed = true;
    idle.delete(this);
    await Promise.allSettled(this.#uses);
    await this.release();
  }

  /** Closes it until it is used again. */
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
      throw new Error(`${this.path} is another file than before: it changed while it was read`);
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

/** Opens a file when there is room for it. */
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
    // Or a named pipe to which nobody writes would be waited for, by a thread that nothing interrupts.
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
  if (stat.isFIFO())
    return "it is a pipe, which is read once and in order; save what comes out of it, and give that file";
  return "it is a device; save what comes out of it, and give that file";
}
