import type { Patches } from "./patches.js";

/** Bytes that can be read at any place, a few at a time, such as those of a file, a Blob or memory. */
export interface ByteSource {
  /** The file's name, for messages and for names derived from it. */
  readonly name: string;
  /** The size in bytes. */
  readonly size: number;
  /**
   * Reads the bytes from `offset` to `offset + length`, which lie inside the source, into a buffer of their own, so
   * that it can be transferred to a worker.
   *
   * @param spare memory of `length` bytes that is no longer used. A source that can reads into it: allocating takes
   * longer than reading.
   */
  read(offset: number, length: number, spare?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>>;
}

/** A source that may hold a file open. */
export interface OpenSource extends ByteSource {
  /** Closes the file once workers no longer use it. */
  close(): Promise<void>;
  /** @internal Rejects where a file of Node is not as it was when it was opened. */
  checkUnchanged?(): Promise<void>;
}

/** A file being written. It appears under its name only when it is closed. */
export interface ByteSink {
  /** Writes bytes at any place, each of them once. */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Completes the file. */
  close(): Promise<void>;
  /** Removes what was written. */
  abort(reason?: unknown): Promise<void>;
}

/** A place in a file that is open in this process, in bytes. */
export interface FilePlace {
  /** The file's path, for messages. */
  readonly path: string;
  readonly descriptor: number;
  readonly position: number;
  /** How rows lie there, where they are in patches; the position is then that in the rows. */
  readonly patches?: Patches | undefined;
}
