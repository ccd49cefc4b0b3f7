/**
 * Holds the readers of streams that are read: Chromium collects a Blob's stream that nothing else holds, and the read
 * then never settles.
 */
const readersAtWork = new Set<ReadableStreamBYOBReader>();

/** Reads a Blob's bytes from `position` on, a stretch at a time. */
class BlobStream {
  /** The place where the next read begins. */
  position: number;
  readonly #reader: ReadableStreamBYOBReader;
  #last: Promise<unknown> = Promise.resolve();

  constructor(reader: ReadableStreamBYOBReader, position: number) {
    this.#reader = reader;
    this.position = position;
  }

  /** Reads as many bytes as the memory holds. */
  read(memory: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
    const start = this.position;
    this.position += memory.byteLength;
    const bytes = this.#last.then(() => this.#fill(memory, start));
    this.#last = bytes;
    bytes.catch(() => {}); // reported to the caller; every later read fails in the same way
    return bytes;
  }

  async #fill(memory: ArrayBuffer, start: number): Promise<Uint8Array<ArrayBuffer>> {
    readersAtWork.add(this.#reader);
    try {
      for (let done = 0; done < memory.byteLength; ) {
        // Each call transfers the memory, and the result transfers it back.
        const { value } = await this.#reader.read(new Uint8Array(memory, done));
        if (!value?.length) throw new Error(`the file ended at byte ${start + done}: it changed while it was read`);
        memory = value.buffer;
        done += value.length;
      }
      return new Uint8Array(memory);
    } finally {
      readersAtWork.delete(this.#reader);
    }
  }

  async end(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#reader.cancel().catch(() => {}); // a stream that failed has ended
  }
}

/**
 * Reads stretches of a Blob. Consecutive ones come from one stream: Chromium takes as long to open a stream as to read
 * 4 MB.
 */
export class BlobStretches {
  readonly #blob: Blob;
  #stream: BlobStream | undefined;
  /** The end of the last read that did not come from the stream. */
  #end = -1;
  /** Some engines cannot read Blobs into given memory. */
  #fillsMemory = true;

  constructor(blob: Blob) {
    this.#blob = blob;
  }

  async read(offset: number, length: number, spare?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#stream?.position !== offset && this.#end === offset) {
      this.close();
      this.#stream = this.#streamFrom(offset, this.#blob.size);
    }
    const stream = this.#stream;
    if (stream?.position === offset) {
      try {
        return await stream.read(spare ?? new ArrayBuffer(length));
      } catch (error) {
        // The position of the stream is unknown now.
        if (this.#stream === stream) await this.close();
        throw error;
      }
    }
    this.#end = offset + length;
    const once = spare && this.#streamFrom(offset, offset + length);
    if (!once) return new Uint8Array(await this.#blob.slice(offset, offset + length).arrayBuffer());
    try {
      return await once.read(spare);
    } finally {
      await once.end();
    }
  }

  #streamFrom(start: number, end: number): BlobStream | undefined {
    if (!this.#fillsMemory) return undefined;
    const stream = this.#blob.slice(start, end).stream();
    try {
      return new BlobStream(stream.getReader({ mode: "byob" }), start);
    } catch {
      this.#fillsMemory = false;
      stream.cancel().catch(() => {}); // it is no longer needed
      return undefined;
    }
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.end();
  }
}
