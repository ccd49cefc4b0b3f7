/** Bytes that can be read at any place, a few at a time: a file, a Blob, memory. */
export interface ByteSource {
  /** The file's name, for messages and for names derived from it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /**
   * The bytes from `offset` to `offset + length`, which lie inside the source, in a buffer of their own (so that it can be
   * transferred to a worker).
   *
   * @param spare memory of `length` bytes that nobody uses any more. A source that can reads into it: new memory takes
   * longer than reading.
   */
  read(offset: number, length: number, spare?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>>;
}

/** A source that may hold a file open. */
export interface OpenSource extends ByteSource {
  /** Closes the file, when workers have done with it. */
  close(): Promise<void>;
}

/** A file being written. It appears under its name when it is closed, and not before. */
export interface ByteSink {
  /** Writes at any place, once each. */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Says that all is written. */
  close(): Promise<void>;
  /** Leaves no file behind. */
  abort(reason?: unknown): Promise<void>;
}

/** A place in a file that is open in this process, in bytes. */
export interface FilePlace {
  /** The file's path, for messages. */
  readonly path: string;
  readonly descriptor: number;
  readonly position: number;
}
