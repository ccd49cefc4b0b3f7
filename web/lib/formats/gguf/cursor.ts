import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";

/** Bytes that are read at first, and then as many again as are there. */
const FIRST_BYTES = 2 ** 16;

/** A vocabulary of 256,000 tokens with its merges takes about 12 MB. */
const MAX_HEADER_BYTES = 2 ** 28;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads what stands before the data of a GGUF, whose length is not known before it is read. Everything that is asked for is
 * held against the end of the file first, so that no damaged length takes memory.
 */
export class Cursor {
  readonly #source: ByteSource;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);
  #position = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** In the file. */
  get position(): number {
    return this.#position;
  }

  /** Bytes of the file from here on. */
  get left(): number {
    return this.#source.size - this.#position;
  }

  /** What was read from `start` up to here. */
  since(start: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(start, this.#position);
  }

  /** @throws {FormatError} */
  fail(reason: string, { offset = this.#position, tensor }: { offset?: number; tensor?: string } = {}): never {
    throw new FormatError({ file: this.#source.name, offset, reason, tensor });
  }

  async u32(what: string): Promise<number> {
    await this.#take(4, what);
    return this.#view.getUint32(this.#position - 4, true);
  }

  /** A count or a length: such as no file reaches is refused by what it counts. */
  async u64(what: string): Promise<bigint> {
    await this.#take(8, what);
    return this.#view.getBigUint64(this.#position - 8, true);
  }

  /** A count of things of `least` bytes at least, which must fit in the rest of the file. */
  async count(what: string, least: number): Promise<number> {
    const offset = this.#position;
    const count = await this.u64(what);
    const most = Math.floor(this.left / least);
    if (count <= most) return Number(count);
    const limit = `the ${this.left} bytes that follow hold at most ${most}`;
    return this.fail(`${what} is ${count}; ${limit}: the file is damaged or cut short`, { offset });
  }

  async text(what: string, mostBytes: number): Promise<string> {
    const offset = this.#position;
    const length = await this.count(`the length of ${what}`, 1);
    if (length > mostBytes) {
      this.fail(`the length of ${what} is ${length} bytes; at most ${mostBytes} are allowed`, { offset });
    }
    await this.#take(length, what);
    try {
      return decoder.decode(this.#bytes.subarray(this.#position - length, this.#position));
    } catch {
      return this.fail(`${what} is not UTF-8`, { offset: this.#position - length });
    }
  }

  async skip(length: number, what: string): Promise<void> {
    await this.#take(length, what);
  }

  async bytes(length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    await this.#take(length, what);
    return this.since(this.#position - length);
  }

  /** Passes strings, of which only the lengths are looked at. */
  async skipTexts(count: number, what: string): Promise<void> {
    for (let i = 0; i < count; i++) {
      // Most strings are there: waiting for each of a vocabulary's takes longer than all else.
      if (this.#position + 8 <= this.#bytes.length) {
        const length = this.#view.getUint32(this.#position, true);
        const end = this.#position + 8 + length;
        if (this.#view.getUint32(this.#position + 4, true) === 0 && end <= this.#bytes.length) {
          this.#position = end;
          continue;
        }
      }
      const length = await this.count(`the length of string ${i} of ${what}`, 1);
      await this.#take(length, what);
    }
  }

  async #take(length: number, what: string): Promise<void> {
    const end = this.#position + length;
    const { size } = this.#source;
    if (end > size) {
      this.fail(`the file ends at byte ${size}, within ${what}: it is cut short`);
    }
    if (end > MAX_HEADER_BYTES) {
      this.fail(`what stands before the data takes more than ${MAX_HEADER_BYTES} bytes, which are read at most`);
    }
    if (end > this.#bytes.length) await this.#grow(end);
    this.#position = end;
  }

  async #grow(end: number): Promise<void> {
    const there = this.#bytes.length;
    const wanted = Math.min(this.#source.size, Math.max(end, FIRST_BYTES, 2 * there));
    const bytes = new Uint8Array(wanted);
    bytes.set(this.#bytes);
    bytes.set(await this.#source.read(there, wanted - there), there);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
