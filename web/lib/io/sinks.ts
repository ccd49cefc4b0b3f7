import { shown } from "../core/arguments.js";
import type { ByteSink } from "./bytes.js";

/** The most bytes that wait in memory where a stream can be written in order only and earlier ones are missing. */
const MAX_WAITING_BYTES = 2 ** 28;

/** The argument of FileSystemWritableFileStream's write, declared here since some type libraries lack it. */
interface PositionedWrite {
  readonly type: "write";
  readonly position: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * Writes to a stream: at any place of a FileSystemWritableFileStream (`await handle.createWritable()`), whose file
 * changes when it is closed; in order to any other.
 */
export function streamSink(stream: WritableStream): ByteSink {
  if (typeof stream?.getWriter !== "function")
    throw new TypeError(`stream must be a WritableStream, not ${shown(stream)}`);
  const writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer> | PositionedWrite> = stream.getWriter();
  const { close, abort } = { close: () => writer.close(), abort: (reason?: unknown) => writer.abort(reason) };
  if ("seek" in stream) {
    return { write: (position, data) => writer.write({ type: "write", position, data }), close, abort };
  }

  let position = 0;
  let waitingBytes = 0;
  const waiting = new Map<number, Uint8Array<ArrayBuffer>>();
  return {
    async write(offset, bytes) {
      if (bytes.byteLength === 0) return;
      waiting.set(offset, bytes);
      waitingBytes += bytes.byteLength;
      for (let next = waiting.get(position); next; next = waiting.get(position)) {
        waiting.delete(position);
        waitingBytes -= next.byteLength;
        position += next.byteLength;
        await writer.write(next);
      }
      if (waitingBytes > MAX_WAITING_BYTES) {
        throw new RangeError(
          `this stream is written in order, and ${waitingBytes} bytes wait for earlier ones; at most ${MAX_WAITING_BYTES} can wait: write to a file`,
        );
      }
    },
    async close() {
      if (waitingBytes > 0)
        throw new Error(`bytes are missing: nothing was written at byte ${position}, but more after it`);
      await close();
    },
    abort,
  };
}

/** A sink that returns its file once it is closed. */
export interface BlobSink extends ByteSink {
  /** The file that was written. The sink must be closed. */
  blob(): Promise<Blob>;
}

/** The size up to which parts of a Blob are joined, since millions of small ones would be slow. */
const BLOB_PART_BYTES = 2 ** 22;

/**
 * Writes to memory, or wherever the browser keeps Blobs. A save handle or `privateFileSink` is better for large files.
 */
export function blobSink(type = "application/octet-stream"): BlobSink {
  const parts: Blob[] = [];
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let pendingBytes = 0;
  const flush = () => {
    if (pendingBytes > 0) parts.push(new Blob(pending));
    pending = [];
    pendingBytes = 0;
  };
  const inOrder = streamSink(
    new WritableStream<Uint8Array<ArrayBuffer>>({
      write(bytes) {
        pending.push(bytes);
        pendingBytes += bytes.byteLength;
        if (pendingBytes >= BLOB_PART_BYTES) flush();
      },
    }),
  );
  let whole: Blob | undefined;
  return {
    write: inOrder.write,
    async close() {
      await inOrder.close();
      flush();
      whole = new Blob(parts, { type });
    },
    async abort(reason) {
      parts.length = 0;
      pending = [];
      await inOrder.abort(reason);
    },
    async blob() {
      if (whole === undefined) throw new Error("the file is not complete: close() comes first");
      return whole;
    },
  };
}

/**
 * Writes files of any size to the page's origin-private file system, which only this site sees. `blob()` returns the
 * file for downloading. It appears under its name when it is complete.
 *
 * @throws {Error} where there is no such file system, or one without streams (insecure pages, some private windows,
 * Safari before 26). `blobSink()` works everywhere.
 */
export async function privateFileSink(name: string): Promise<BlobSink> {
  const partialName = `${name}.${Math.random().toString(36).slice(2, 10)}.partial`;
  const { folder, partial, stream } = await createPrivateFile(partialName);
  const sink = streamSink(stream);
  return {
    write: sink.write,
    async close() {
      await sink.close();
      await partial.move(folder, name);
    },
    async abort(reason) {
      // A stream that was closed or failed cannot be aborted.
      await sink.abort(reason).catch(() => undefined);
      await folder.removeEntry(partialName);
    },
    blob: () => partial.getFile(),
  };
}

async function createPrivateFile(name: string) {
  try {
    const folder = await navigator.storage.getDirectory();
    for (const method of ["createWritable", "move"]) {
      if (!(method in FileSystemFileHandle.prototype)) throw new Error(`FileSystemFileHandle has no ${method}()`);
    }
    const partial = (await folder.getFileHandle(name, { create: true })) as MovableHandle;
    const stream = await partial.createWritable().catch(async (error) => {
      await folder.removeEntry(name);
      throw error;
    });
    return { folder, partial, stream };
  } catch (cause) {
    throw new Error(
      `the origin-private file system cannot be written here (${(cause as Error).message}): use blobSink(), which writes to memory, or in Node fileSink()`,
      { cause },
    );
  }
}

/** The method is missing from TypeScript's library. Safari has no `move(name)`. */
interface MovableHandle extends FileSystemFileHandle {
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
}
